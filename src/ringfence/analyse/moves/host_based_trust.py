"""An account of one host is let into another without proof."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M042",
    name="host_based_trust",
    title="An account of one host is let into another without proof",
    gives="a login as the same account",
    rules=(
        Rule(
            start=(At("trusted", "user"),),
            to=At("truster", "login"),
            facts=(Atom("trusts_host", "truster", "trusted"),),
            kinds={"trusted": ("host",)},
        ),
        Rule(
            start=(At("hub", "login"),),
            to=At("truster", "login"),
            facts=(
                Atom("trusts_host", "truster", "hub"),
                Atom("setting", "hub", Is("hostbased=on")),
            ),
        ),
    ),
    minutes=Minutes(1, 5, "estimate: one login"),
    why="HostbasedAuthentication believes the other host about who is calling; its superuser can claim to be any account.",
    end="HostbasedAuthentication no; let the launcher of the scheduler start remote steps instead of ssh.",
    attack=("T1021.004", "T1199"),
)
