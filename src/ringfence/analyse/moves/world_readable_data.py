"""Any account at all reads data that is open to the world."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule
from ringfence.estate.kinds import EVERYONE

MOVE = Move(
    id="RF-M109",
    name="world_readable_data",
    title="Any account at all reads data that is open to the world",
    gives="the bytes of the data",
    rules=(
        Rule(
            start=(At("storage", "mount"),),
            to=At("data", "read"),
            facts=(Atom("readable_by", "data", Is(EVERYONE)), Atom("stored_on", "data", "storage")),
        ),
    ),
    minutes=Minutes(0, 2, "estimate: one copy command, the transfer itself not counted"),
    why="The mode's last digit lets others read, all the way down to the files.",
    end="chmod o-rwx on the folder at the top; set a umask of 027 for the jobs that write it.",
    attack=("T1005",),
    atlas=("AML.T0035",),
)
