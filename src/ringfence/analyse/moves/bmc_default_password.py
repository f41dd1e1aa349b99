"""A management controller still has its maker's password."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M120",
    name="bmc_default_password",
    title="A management controller still has its maker's password",
    gives="the controller, and with it the machine",
    rules=(
        Rule(
            start=(At("bmc", "connect"),),
            to=At("bmc", "admin"),
            facts=(Atom("authenticates", "bmc", Is("default-password")),),
            kinds={"bmc": ("bmc",)},
        ),
        Rule(
            start=(At("bmc", "connect"),),
            to=At("bmc", "admin"),
            facts=(Atom("authenticates", "bmc", Is("none")),),
            kinds={"bmc": ("bmc",)},
        ),
    ),
    minutes=Minutes(1, 5, "estimate: one login with a printed password"),
    why="Controllers leave the factory with a known account; what is never logged in to is never changed.",
    end="Set a password of its own on every controller when it is racked, from the provisioning system.",
    attack=("T1078",),
)
