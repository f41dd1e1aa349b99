"""The debt of saved estates: what a history of surveys owes, told in the documented shape and drawn."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from ringfence.analyse.derive import derive
from ringfence.analyse.moves import MOVES
from ringfence.app.assess.debt import History, history
from ringfence.app.assess.debt_history import estates_in, named, retired_hosts
from ringfence.app.assess.debt_live import LiveDebt
from ringfence.app.assess.debt_report import debt_page
from ringfence.app.assess.debt_shown import shown
from ringfence.app.assess.debt_window import stand, weights_of
from ringfence.assess.checks import CHECK
from ringfence.assess.debt.probability import probabilities
from ringfence.assess.debt.verdict import Pace
from ringfence.errors import UsageError
from ringfence.estate.delta import Delta
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.store.saved import save
from ringfence.synth import facts
from ringfence.synth.draw import draw

DAY = 86_400.0
START = 1_767_571_200.0
CHECKS = (CHECK["RF-D03"],)


def site(*, open_: bool = True, answered: bool = True, value: float = 1.0, at: float = START) -> Estate:
    """A checkpoint whose folder a whole group reads; its owner and a stranger each have a workstation."""
    told = [
        Fact("identity:owner", "logs_in_from", "workstation:owner", {}, "inventory", at),
        Fact("identity:stranger", "logs_in_from", "workstation:stranger", {}, "inventory", at),
        Fact("identity:owner", "may_login", "host:login1", {}, "hosts/login1", at),
        Fact("identity:stranger", "may_login", "host:login1", {}, "hosts/login1", at),
        Fact("host:login1", "mounts", "storage:nfs1:/p", {"mode": "ro", "path": "/p"}, "hosts/login1", at),
        Fact("host:login1", "setting", "pam_slurm_adopt=off", {}, "hosts/login1", at),
        Fact("host:login1", "setting", "ssh_from=anywhere", {}, "hosts/login1", at),
        Fact("checkpoint:c1", "stored_on", "storage:nfs1:/p", {"path": "/p/c1"}, "lineage", at),
        Fact("checkpoint:c1", "readable_by", "identity:owner", {}, "data", at),
        Fact("checkpoint:c1", "jewel", "worth it", {"marked_by": "user", "value": value}, "mark", at),
        Fact("host:login1", "asked", "mounts", {"answered": answered}, "hosts/login1", at),
    ]
    if open_:
        told.append(Fact("checkpoint:c1", "readable_by", "identity:*", {}, "data", at))
    return estate_of(told)


def of(*windows: tuple[float, Estate]) -> History:
    return history(((START + day * DAY, estate) for day, estate in windows), CHECKS)


def test_a_readable_checkpoint_owes_for_the_stranger_and_not_for_the_owner() -> None:
    found = of((0, site()))
    assert [entry.key for entry in found.last.owed] == [("RF-D03", "checkpoint:c1")]
    assert 0 < found.last.debt.principal <= 1.0
    assert of((0, site(open_=False))).last.debt.total == 0.0
    assert of((0, site(value=7.0))).last.debt.principal == pytest.approx(7 * found.last.debt.principal)


def test_what_is_overdue_bears_interest_and_shares_sum_to_it() -> None:
    found = of((0, site()), (400, site()))
    first, last = (point.debt for point in found.points)
    assert first.interest == 0.0
    assert last.principal == pytest.approx(first.principal)
    assert last.interest > 0.9 * last.principal
    assert sum(found.shares[0]) == pytest.approx(last.total)
    told = shown(found)
    assert [row["check"] for row in told["next"]] == ["RF-D03"]
    assert told["next"][0]["after"] == 0.0


def test_a_finding_that_nobody_can_see_any_more_still_owes() -> None:
    """The data source fell silent: the fact last seen stands in for it."""
    silent = estate_of(fact for fact in site().facts() if fact.source != "data")
    found = of((0, site()), (30, silent))
    assert found.points[-1].carried == 1
    assert found.last.debt.principal > 0


def test_one_estate_alone_is_an_answer_marked_estimated() -> None:
    found = of((0, site()))
    assert found.verdict.estimated
    assert found.verdict.pace is Pace.OPEN
    assert all(entry.estimated for entry in found.last.owed)


def test_a_jewel_that_loses_its_value_is_refused_by_name() -> None:
    found = of((0, site()), (30, site(value=0.5)), (60, site(value=0.5)))
    assert found.jewels_left == ("checkpoint:c1",)
    assert found.verdict.pace is Pace.REFUSED


def test_moves_go_by_what_is_known_of_the_weakness() -> None:
    """Exploited, scored, or by their minutes; what work needs always succeeds."""
    plain = [fact for fact in facts(draw(32, 1)) if fact.predicate != "vulnerable_to"]

    def weak(**said: bool | float) -> float:
        flaw = Fact("host:gpu0001", "vulnerable_to", "CVE-2025-23266", {"gives": "container-escape", **said}, "x")
        estate = estate_of([*plain, flaw])
        edges = derive(estate)
        found = probabilities(estate, edges, MOVES)
        rows = estate.table("vulnerable_to")
        assert rows.count == 1
        codes = {int(row) >> 32 for row in edges.because.ravel() if row >= 0}
        assert len(codes) > 1
        on = np.array(
            [any(estate.fact(int(r)).predicate == "vulnerable_to" for r in row if r >= 0) for row in edges.because]
        )
        assert on.any()
        function = np.array([move.function for move in MOVES])[edges.move]
        assert (found[function & ~edges.unknown & ~on] == 1.0).all()
        return float(found[on].max())

    assert weak(kev=True) == 0.95
    assert weak(epss=0.37) == 0.37
    assert weak(epss=0.0001) == 0.01
    assert weak(epss=7.0) == weak()


def test_a_change_that_is_followed_gives_what_a_full_recomputation_gives() -> None:
    """Every fact that a finding rests on, taken away and given back."""
    estate = estate_of(facts(draw(48, 3)))
    live = LiveDebt(estate, START)
    told = [*estate.facts("vulnerable_to"), *estate.facts("device_open"), *estate.facts("readable_by")][::7]
    beside = [next(estate.facts(name)) for name in ("setting", "authenticates", "asked", "jewel")]
    for fact in (*told[:6], *beside):
        for delta in (Delta(removed=(fact,)), Delta(added=(fact,))):
            found = live.apply(delta)
            again, _, _ = stand(live.estate, START, {}, set())
            assert found.debt.principal == pytest.approx(again.debt.principal, abs=1e-9)
            assert {entry.key for entry in found.owed} == {entry.key for entry in again.owed}
            assert (found.hygiene.count, found.hygiene.unknown) == (again.hygiene.count, again.hygiene.unknown)
            assert (found.coverage, found.compute) == (again.coverage, again.compute)
            assert tuple(entry.key for entry in found.owed) == live.found.keys
            assert found.weights.tolist() == weights_of(found.owed, START).tolist()


# files


def saved(folder: Path) -> Iterator[None]:
    for name, open_ in (("2026-03-01", True), ("2026-02-01", False)):
        save(site(open_=open_, at=named(name) or 0.0), folder / f"{name}.estate")
    yield


def test_the_date_in_a_name_is_the_time_and_files_are_read_in_that_order(tmp_path: Path) -> None:
    list(saved(tmp_path))
    assert [at for at, _ in estates_in(tmp_path)] == [named("2026-02-01"), named("2026-03-01")]
    save(site(), tmp_path / "now.estate")
    assert START in [at for at, _ in estates_in(tmp_path)]


def test_an_empty_folder_is_refused_and_what_is_no_date_says_no_time(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no estate"):
        list(estates_in(tmp_path))
    assert named("2026-13-40.estate") is None


def test_retired_hosts_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "retired"
    path.write_text("# gone\nhost:a\nb\n\n")
    assert retired_hosts(path) == {"host:a", "host:b"}
    with pytest.raises(UsageError):
        retired_hosts(tmp_path / "absent")


def test_the_report_shows_names_as_text_only() -> None:
    """Names come from captures, hence from attackers."""
    told = shown(of((0, site()), (30, site())))
    told["findings"][0]["subject"] = "<script>alert(1)</script>"
    page = debt_page(told)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page
    assert page.count("<svg") >= 3
    msgspec.json.encode(told)
