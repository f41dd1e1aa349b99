"""SigmaHQ's own cases: each file of events gives its rule's count, by the way of the command that a user calls."""

import re
from pathlib import Path
from typing import Any

import yaml

from ringfence.app.watch.sigma_check import check
from tests.shared_data import shared

_ID = re.compile(r"^id: ['\"]?([0-9a-f-]{36})", re.MULTILINE)


def _cases(root: Path) -> list[tuple[Path, dict[str, Any]]]:
    """(file of events, what is expected) of every case in each of its forms; one that is commented out counts too."""
    found = []
    for info in sorted(root.rglob("info.yml")):
        read = yaml.safe_load(info.read_text().replace("\n# ", "\n").replace("\n#", "\n"))
        for case in read["regression_tests_info"]:
            path = info.parent / Path(case["path"]).name
            twins = [path, *(path.with_suffix(ending) for ending in (".json", ".jsoncls"))]
            found += [(one, case | {"rules": read["rule_metadata"]}) for one in twins if one.exists()]
    return found


def _rules(root: Path) -> dict[str, Path]:
    paths = [path for folder in root.glob("rules*") for path in folder.rglob("*.yml")]
    return {found[1]: path for path in paths if (found := _ID.search(path.read_text()))}


def test_every_case_matches_as_often_as_it_says():
    """EVTX, the same as JSON, and raw lines; where no count is stated, at least once."""
    root = shared("sigma")
    cases, files = _cases(root / "regression_data"), _rules(root)
    assert len(cases) > 200
    for events, case in cases:
        for rule in case["rules"]:
            found = check([files[rule["id"]]], events)
            assert not found.problems
            ((_, count),) = found.counts
            assert count == case["match_count"] if "match_count" in case else count >= 1, events
