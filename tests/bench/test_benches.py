"""The benches run, on sizes too small to time; no time is asserted."""

import json

import pytest
from bench.report import timed

from bench import fence as bench_fence
from bench import graphs
from bench import incremental as bench_incremental
from bench import reach as bench_reach


def test_the_reach_bench_prints_one_json_object_and_peers_agree(capsys: pytest.CaptureFixture[str]) -> None:
    """Peers that are not installed are said to be missing."""
    sizes = ["--nodes", "3000", "--edges", "20000", "--jewels", "20", "--repeat", "1", "--settle-seconds", "1"]
    assert bench_reach.main([*sizes, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["answers_equal"] is True
    assert "20 jewels" in result["peers"]["scipy"]["scaled_from"]
    assert result["with_and_edges"]["positions_differing"] > 0
    assert result["many_components"]["components"] > 1


def test_the_incremental_bench_prints_one_json_object_and_meets_every_rebuild(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Jobs start and end on a small generated estate."""
    sizes = ["--nodes", "64", "--events", "30", "--jobs", "6", "--jewels", "20", "--check-every", "10"]
    assert bench_incremental.main([*sizes, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["equal_to_rebuild"] is True
    assert result["rebuilds_compared"] == 3
    assert result["start"]["events"] + result["end"]["events"] == 30


def test_the_fence_bench_prints_one_json_object_and_every_proof_holds(capsys: pytest.CaptureFixture[str]) -> None:
    """Small estates are no measure of the figures: those stated for a size are not judged."""
    assert bench_fence.main(["--nodes", "64", "--part", "scratch,event", "--events", "4", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["wrong"] == []
    assert all(all(row["holds"].values()) for row in result["parts"]["scratch"]["sizes"])
    assert result["parts"]["event"]["as_derived_anew"] is True
    assert result["figures"]["scratch_s"]["met"] is None


def test_a_part_that_prints_no_result_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(bench_fence.PARTS, "nft", bench_fence.Part("no_such_bench", lambda given: []))
    assert bench_fence.main(["--part", "nft"]) == 1


def test_the_same_seed_draws_the_same_graph_within_its_bounds() -> None:
    """Another seed draws another."""
    one = graphs.draw(2_000, 9_000, 10, 3, graphs.MANY_SITES, and_share=0.1)
    again = graphs.draw(2_000, 9_000, 10, 3, graphs.MANY_SITES, and_share=0.1)
    other = graphs.draw(2_000, 9_000, 10, 4, graphs.MANY_SITES)
    assert (one.source == again.source).all()
    assert (one.second == again.second).all()
    assert (one.source != other.source).any()
    assert one.source.max() < 2_000
    assert one.target.max() < 2_000
    assert (other.second == -1).all()


def test_timing_gives_the_last_result_and_every_run() -> None:
    """Best is never above the median."""
    result, taken = timed(lambda: 7, 3)
    assert result == 7
    assert len(taken.runs) == 3
    assert taken.best <= taken.median
