"""Root on a machine becomes administrator of its controller from the inside."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Rule

MOVE = Move(
    id="RF-M123",
    name="host_to_bmc",
    title="Root on a machine becomes administrator of its controller from the inside",
    gives="the controller: it outlives reinstallation, and leads to its network",
    rules=(
        Rule(
            start=(At("host", "root"),),
            to=At("bmc", "admin"),
            facts=(
                Atom("managed_by", "host", "bmc"),
                Atom("setting", "bmc", Is("host_interface=no-auth")),
            ),
        ),
        Rule(
            start=(At("host", "root"),),
            to=At("bmc", "admin"),
            facts=(
                Atom("managed_by", "host", "bmc"),
                Atom("setting", "bmc", Is("host_interface=bootstrap"), {"role": "Administrator"}),
            ),
        ),
    ),
    minutes=Minutes(2, 15, "estimate: one request on the host interface"),
    why="The Redfish host interface accepts the host without authentication, or hands it a bootstrap account with the administrator's role.",
    end="Disable the host interface or AuthNone on it, and credential bootstrapping after provisioning.",
    attack=("T1542",),
)
