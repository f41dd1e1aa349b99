"""A known flaw in the controller's firmware gives its administration."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M124",
    name="bmc_firmware_flaw",
    title="A known flaw in the controller's firmware gives its administration",
    gives="the controller, and with it the machine",
    rules=(
        Rule(
            start=(At("bmc", "connect"),),
            to=At("bmc", "admin"),
            facts=(Atom("vulnerable_to", "bmc", "weakness", {"gives": "admin"}),),
            kinds={"bmc": ("bmc",)},
        ),
    ),
    minutes=Minutes(5, 60, "estimate: a published exploit against a reachable controller"),
    why="Controllers are patched rarely and fleets share one version; an authentication bypass in one is one in all.",
    end="Update the controllers' firmware with the machines'; keep their network closed meanwhile.",
    attack=("T1190",),
)
