"""Faults seeded into every writer are seen by provers that know of none of them."""

import pytest

from ringfence.errors import InputError
from ringfence.segment.compile import WRITERS
from ringfence.segment.model import Difference, Policy
from tests.segment.faults.fault import Fault
from tests.segment.faults.table import FAULTS

SEEDED = [(target, fault) for target, (_, faults) in FAULTS.items() for fault in faults]


@pytest.mark.parametrize("target", FAULTS)
def test_without_a_fault_the_proof_holds(target: str) -> None:
    scene = FAULTS[target][0]
    made = scene.write()
    assert made.artefacts
    assert scene.prove(made).differences == ()


@pytest.mark.parametrize(("target", "fault"), SEEDED, ids=lambda one: one if isinstance(one, str) else one.what)
def test_a_fault_is_seen_between_the_groups_that_it_concerns(target: str, fault: Fault) -> None:
    scene = FAULTS[target][0]
    wrong = fault.wrong(scene)
    assert wrong.artefacts != scene.write().artefacts
    if fault.kind == "refused":
        with pytest.raises(InputError):
            scene.prove(wrong)
        return
    differences = scene.prove(wrong).differences
    assert any(one.kind == fault.kind and _lies(scene.policy, one, fault.ends) for one in differences), differences[:9]


def _lies(policy: Policy, one: Difference, ends: tuple[str, str]) -> bool:
    """Whether the witness lies between these groups; on the symmetric planes either may be named first."""

    def within(endpoint: str, group: str) -> bool:
        return group == "*" or endpoint in policy.groups[group].on(one.plane)

    there, back = ((one.source, one.target), (one.target, one.source))
    ways = (there, back) if one.plane in ("ib", "nvlink", "imex", "roce") else (there,)
    return any(within(source, ends[0]) and within(target, ends[1]) for source, target in ways)


def test_there_are_more_than_fifty_and_no_two_of_a_target_are_one() -> None:
    assert len(SEEDED) >= 50
    assert len({(target, fault.what) for target, fault in SEEDED}) == len(SEEDED)
    assert set(WRITERS) <= set(FAULTS)
    assert all(len(faults) >= 3 for _, faults in FAULTS.values())
