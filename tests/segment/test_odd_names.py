"""One odd name, which anybody may have chosen, ends neither the planning nor the proof, and opens nothing."""

import msgspec
import pytest

from ringfence.app.fence.design import Design
from ringfence.estate.estate import Estate, estate_of
from ringfence.synth import draw, facts

FACTS = tuple(facts(draw(24, 0)))


def renamed(old: str, new: str) -> Estate:
    """The small cluster with one account or host under another name."""
    return estate_of(
        [
            msgspec.structs.replace(one, subject=one.subject.replace(old, new), object=one.object.replace(old, new))
            for one in FACTS
        ]
    )


@pytest.mark.parametrize("name", ["res-001 *", "!x", "a,b", "a, b", "res-0?1", "*", "x\ny"])
def test_an_odd_account_is_told_and_the_rest_is_fenced(name: str) -> None:
    design = Design(renamed("identity:ops-01", f"identity:{name}"))
    assert design.holds
    told = [one for one in design.compiled["sshd"].residuals if "not written" in one.why]
    assert told
    assert all(one.pairs == 0 and one.remedy for one in told)
    assert {one["why"] for one in design.plan()["residuals"]} >= {one.why for one in told}


@pytest.mark.parametrize("name", ["gpu[0001-9999999]", "gpu0001, gpu0002", "gpu0001,gpu0002", "a b", "x\ny"])
def test_an_odd_host_is_told_and_the_rest_is_fenced(name: str) -> None:
    design = Design(renamed("host:gpu0003", f"host:{name}"))
    assert design.holds
    assert f"host:{name}" in {one.target for one in design.compiled["slurm"].residuals}
    assert all(name not in one.text for one in design.compiled["slurm"].artefacts)
