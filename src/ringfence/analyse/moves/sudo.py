"""An account that may use sudo becomes the superuser."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule
from ringfence.estate.kinds import EVERYONE

MOVE = Move(
    id="RF-M045",
    name="sudo",
    function=True,
    title="An account that may use sudo becomes the superuser",
    gives="a shell as the superuser",
    rules=(
        Rule(
            start=(
                At("identity", "use"),
                At("host", "user"),
            ),
            to=At("host", "root"),
            facts=(Atom("may_sudo", "identity", "host"),),
            kinds={"host": ("host",)},
        ),
        Rule(
            start=(At("host", "user"),),
            to=At("host", "root"),
            facts=(Atom("may_sudo", Is(EVERYONE), "host"),),
            kinds={"host": ("host",)},
        ),
    ),
    minutes=Minutes(1, 480, "estimate: at once with NOPASSWD, else at the owner's next sudo"),
    why="sudo gives what sudoers says; a program that can start a shell or write a file is the superuser in another word. A password only delays: who is the account waits for it to be typed.",
    end="Name exact commands that take no free arguments, drop NOPASSWD, and give administration its own accounts.",
    attack=("T1548.003",),
)
