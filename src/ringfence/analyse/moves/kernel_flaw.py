"""A known flaw of the system makes an account the superuser."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Prefix, Rule

MOVE = Move(
    id="RF-M048",
    name="kernel_flaw",
    title="A known flaw of the system makes an account the superuser",
    gives="a shell as the superuser",
    rules=(
        Rule(
            start=(At("host", "user"),),
            to=At("host", "root"),
            facts=(Atom("vulnerable_to", "host", Prefix("CVE-"), {"gives": "root"}),),
            kinds={"host": ("host",)},
        ),
    ),
    minutes=Minutes(5, 240, "estimate: a published exploit, adapted to the kernel"),
    why="The version that runs has a published flaw that raises an account's rights.",
    end="Update and reboot; until then drain the node from shared partitions.",
    attack=("T1068",),
)
