"""Fabrics under opensm and under UFM in one cluster: each target judges its own, compiled or read back."""

import msgspec

from ringfence.segment.compile import WRITERS
from ringfence.segment.inventory import Fabric, Inventory
from ringfence.segment.model import Allow, Artefact, Group, Policy
from ringfence.segment.prove import PROVERS
from ringfence.segment.prove.ib import foretold
from ringfence.wire.ibnet.tables import Seen


def port(number: int) -> str:
    return f"ibport:0x{number:016x}"


def fabric(name: str, first: int, software: str) -> Fabric:
    ends = tuple(port(first + at) for at in range(4))
    return Fabric(name, (f"host:{name}",), ends[:1], ends, software=software)


BOTH = Inventory(
    fabrics={"a": fabric("a", 0x10, "opensm"), "u": fabric("u", 0x20, "ufm")},
    enforcers={"opensm": ("host:a",), "ufm": ("host:u",)},
)
POLICY = Policy(
    {
        "job": Group("job", "gang", "t", {"ib": tuple(port(one) for one in (0x11, 0x12, 0x21, 0x22))}),
        "stray": Group("stray", "gang", "s", {"ib": (port(0x99),)}),
    },
    (Allow("job", "job", "ib", "any", "its ranks"),),
)


def test_each_target_holds_for_its_own_fabric_and_ignores_the_other() -> None:
    for target in ("opensm", "ufm"):
        made = WRITERS[target].write(POLICY, BOTH)
        assert PROVERS[target].prove(POLICY, BOTH, made.artefacts, made.residuals).holds
        assert not PROVERS[target].prove(POLICY, BOTH, (), made.residuals).holds or target == "ufm"


def test_tables_that_were_read_are_judged_on_both_sides() -> None:
    for target, name in (("opensm", "a"), ("ufm", "u")):
        made = WRITERS[target].write(POLICY, BOTH)
        (only,) = made.artefacts
        tables = foretold(BOTH.fabrics[name], {only.name: only.text})
        assert verdict(target, only, Seen(tables, tables), made.residuals) == set()
        ours = next(key for key in tables[int(port(0x11 if name == "a" else 0x21)[9:], 16)] if key != 0x7FFF)
        outsider = int(port(0x13 if name == "a" else 0x23)[9:], 16)
        more = tables | {outsider: {**tables[outsider], ours: "full"}}
        assert verdict(target, only, Seen(tables, more), made.residuals) == {"leak"}
        member = int(port(0x11 if name == "a" else 0x21)[9:], 16)
        less = tables | {member: {0x7FFF: "limited"}}
        assert verdict(target, only, Seen(less, tables), made.residuals) == {"break"}
        lost = Seen(tables, tables, unread=(outsider,))
        without = msgspec.structs.replace(lost, ends={one: held for one, held in tables.items() if one != outsider})
        assert verdict(target, only, without, made.residuals) == {"leak"}


def verdict(target: str, compiled: Artefact, seen: Seen, residuals: object) -> set[str]:
    text = msgspec.json.encode({"tables": seen}).decode()
    found = Artefact(compiled.name, text, compiled.loaded_by)
    return {one.kind for one in PROVERS[target].prove(POLICY, BOTH, [found], residuals).differences}
