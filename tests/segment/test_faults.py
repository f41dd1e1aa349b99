"""Faults seeded into every writer are seen by provers that know of none of them."""

import re
from pathlib import Path

import pytest

from ringfence.errors import InputError
from ringfence.segment.compile import WRITERS
from ringfence.segment.model import Difference, Policy
from ringfence.segment.prove import PROVERS
from tests.segment.faults.fault import Fault
from tests.segment.faults.table import FAULTS

TESTS = Path(__file__).parents[1]
TARGETS = TESTS.parent / "docs/design/targets.md"
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


@pytest.mark.parametrize("target", WRITERS)
def test_a_writer_has_a_prover_of_its_plane_three_faults_and_a_test(target: str) -> None:
    assert PROVERS[target].plane == WRITERS[target].plane
    assert len(FAULTS[target][1]) >= 3
    names = [one.read_text() for one in TESTS.glob("**/test_*.py") if one.name != Path(__file__).name]
    assert any(f'"{target}"' in text or f"compile_{target}" in text for text in names)


def test_every_writer_has_a_row_in_the_page_of_targets_and_a_paragraph_where_the_row_says() -> None:
    text = TARGETS.read_text()
    where = dict(re.findall(r"(?m)^\| `(\S+)` \|.*\| (?:\[\S+\]\()?([\w.-]+)\)? \|$", text))
    assert set(WRITERS) <= set(where)
    headings = " ".join(re.findall(r"(?m)^## (.*)$", text)).replace(",", "").split()
    assert {target for target, page in where.items() if page == "below"} <= set(headings)
    pages = {target: TARGETS.parent / page for target, page in where.items() if page != "below"}
    assert [target for target, page in pages.items() if target not in page.read_text().lower()] == []
