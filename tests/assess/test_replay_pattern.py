"""A post-mortem's pattern of one site, asked of another: the same moves in the same order, or what ends them."""

from pathlib import Path

import pytest

from ringfence.app.assess.past import past
from ringfence.app.questions import Questions
from ringfence.errors import InputError, UsageError
from ringfence.estate.estate import Estate, estate_of
from ringfence.respond.pattern import encode
from ringfence.wire.pattern import FORMAT, Node, Pattern, Place, Step
from tests.assess.test_incidents import ray_estate

THEFT = "model:lm7b#stolen"


def pattern_of_way(estate: Estate, start: str, end: str) -> Pattern:
    """The cheapest way there, told without names."""
    way = Questions(estate).paths([start], end, 1)[0]["steps"]
    numbers: dict[str, int] = {}

    def place(position: str) -> Place:
        entity, _, capability = position.rpartition("#")
        return Place(numbers.setdefault(entity, len(numbers)), capability)

    steps = tuple(Step(one["move"], tuple(map(place, one["from"])), place(one["to"])) for one in way)
    nodes = tuple(Node(name.partition(":")[0], name if name == "network:internet" else "") for name in numbers)
    return Pattern(FORMAT, ("RF.T02",), nodes=nodes, starts=(place(start),), steps=steps, ends=(place(end),))


def asked(estate: Estate, folder: Path) -> dict[str, object]:
    questions = Questions(estate)
    (told,) = past(questions, tuple(questions.default_footholds()), folder)["patterns"]
    return told


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the pattern of a theft through an open Ray."""
    made = tmp_path / "patterns"
    made.mkdir()
    there = tmp_path / "there"
    there.mkdir()
    pattern = pattern_of_way(ray_estate(there, "fires"), "network:internet#send", THEFT)
    (made / "RF-1.pattern.json").write_bytes(encode(pattern))
    return made


def test_the_same_way_works_where_the_same_hole_is(tmp_path: Path, folder: Path) -> None:
    """And is written out with this site's own names, each step from what is held before."""
    told = asked(ray_estate(tmp_path, "fires"), folder)
    assert told["works"] == "yes"
    assert told["held"]
    held = {"network:internet#send"}
    for step in told["way"]:
        assert set(step["from"]) <= held
        held.add(step["to"])
    assert THEFT in held
    assert "RF-M150" in [step["move"] for step in told["way"]]


def test_it_does_not_where_the_hole_is_repaired(tmp_path: Path, folder: Path) -> None:
    """The step that has nothing to stand on is named."""
    told = asked(ray_estate(tmp_path, "repaired"), folder)
    assert told["works"] == "no"
    assert told["way"] == []
    assert "RF-M150" in told["why"]


def test_a_pattern_without_a_way_says_that_nobody_knows(tmp_path: Path) -> None:
    (tmp_path / "patterns").mkdir()
    (tmp_path / "patterns" / "x.pattern.json").write_bytes(encode(Pattern(FORMAT, ("RF.T02",))))
    assert asked(ray_estate(tmp_path, "fires"), tmp_path / "patterns")["works"] == "unknown"


def test_a_folder_without_patterns_and_a_file_that_is_none_say_what_to_do(tmp_path: Path) -> None:
    questions = Questions(ray_estate(tmp_path, "fires"))
    with pytest.raises(UsageError, match="holds no"):
        past(questions, (), tmp_path)
    (tmp_path / "bad.pattern.json").write_text("{}")
    with pytest.raises(InputError, match=r"bad\.pattern\.json"):
        past(questions, (), tmp_path)


def test_an_estate_without_a_fact_rules_no_pattern_out(folder: Path) -> None:
    """Nobody looked for the moves that it is made of."""
    told = asked(estate_of([]), folder)
    assert (told["works"], told["why"]) == ("unknown", "nothing was collected: the estate holds no fact")
