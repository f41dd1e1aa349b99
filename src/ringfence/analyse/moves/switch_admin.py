"""A switch is administered without a secret."""

from ringfence.analyse.rule import At, Atom, Is, Minutes, Move, Prefix, Rule

MOVE = Move(
    id="RF-M098",
    name="switch_admin",
    title="A switch is administered without a secret",
    gives="every setting of this switch: its ports, VLANs and filters",
    rules=(
        Rule(
            start=(At("net", "send"),),
            to=At("switch", "admin"),
            facts=(
                Atom("attached_to", "switch", "net"),
                Atom("setting", "switch", Is("admin_open=snmp-write")),
            ),
            kinds={"switch": ("switch",)},
        ),
        Rule(
            start=(At("net", "send"),),
            to=At("switch", "admin"),
            facts=(
                Atom("attached_to", "switch", "net"),
                Atom("setting", "switch", Is("admin_open=no-password")),
            ),
            kinds={"switch": ("switch",)},
        ),
        Rule(
            start=(At("net", "send"),),
            to=At("switch", "admin"),
            facts=(
                Atom("attached_to", "switch", "net"),
                Atom("vulnerable_to", "switch", Prefix("CVE-"), {"gives": "admin"}),
            ),
            kinds={"switch": ("switch",)},
        ),
    ),
    minutes=Minutes(2, 20, "estimate: one SNMP write or one login"),
    why="The switch accepts writes with a community string that every manual prints, has an account without a password, or runs a system with a known hole, and its management address is reachable.",
    end="SNMPv3 or none, a password for every account, a supported system, and a management network that only administrators reach.",
    attack=("T1078.001",),
)
