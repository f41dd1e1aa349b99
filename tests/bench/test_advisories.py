"""The bench of advisories runs, on sizes too small to time; no time is asserted."""

import json

import pytest

from bench import advisories


def test_the_advisories_bench_prints_one_json_object_and_holds_what_its_peer_finds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Made bulletins, so that it runs wherever the tests do."""
    sizes = ["--made", "--nodes", "60", "--peer-nodes", "20", "--hostile", "40", "--repeat", "1"]
    assert advisories.main([*sizes, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["bulletins"] == "made"
    assert result["peer"]["ours_hold_its_hits"] is True
    assert result["drawn"]["classes"] < result["distinct"]["classes"]
    assert result["drawn"]["facts_found"] > 60
    assert set(result["growth_exponent"]) == {"prose", "products", "versions", "bulletins"}
