"""One password opens all controllers."""

from ringfence.analyse.rule import At, Atom, Minutes, Move, Rule

MOVE = Move(
    id="RF-M126",
    name="bmc_shared_credential",
    title="One password opens all controllers",
    gives="the other controllers",
    rules=(
        Rule(
            start=(At("bmc", "admin"),),
            to=At("secret", "use"),
            facts=(Atom("accepts_key", "bmc", "secret"), Atom("managed_by", "host", "bmc")),
            kinds={"bmc": ("bmc",)},
        ),
        Rule(
            start=(At("secret", "use"), At("bmc", "connect")),
            to=At("bmc", "admin"),
            facts=(Atom("accepts_key", "bmc", "secret"), Atom("managed_by", "host", "bmc")),
            kinds={"bmc": ("bmc",)},
        ),
    ),
    minutes=Minutes(10, 120, "estimate: read from the controller's storage, then one login each"),
    why="IPMI needs the password itself, so controllers keep it recoverable; provisioning gives all of them the same.",
    end="A password per controller, kept in a vault; IPMI over the network switched off.",
    attack=("T1078", "T1552"),
)
