"""A switch is administered with a secret."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, all_of, asked_of

CHECK = Check(
    id="RF-F11",
    name="switch_admin_closed",
    title="No switch is administered without a secret",
    layer=Layer.FABRIC,
    each=(all_of("switch"),),
    fails=(
        When((Atom("setting", "it", Is("admin_open=snmp-write")),), "SNMP writes with a community string"),
        When((Atom("setting", "it", Is("admin_open=no-password")),), "an account has no password"),
    ),
    rests=(asked_of("switch-admin", complete=True),),
    why="Every manual prints the community string; who administers the switch sends in each network that it carries.",
    remedy="SNMPv3 or none, a password for every account, and a management network that only administrators reach.",
    opens=("admin",),
    weight=8,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("IA-2", "IA-5"), attack=("T1078.001",)),
    source="the switches' own configuration guides, hardening",
)
