"""The picture of the debt: round steps, names that lie on nothing, rows in the order of what they owe."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.app.assess.debt import History, history
from ringfence.app.assess.debt_demo import estates
from ringfence.app.assess.debt_report import debt_page
from ringfence.app.assess.debt_shown import shown
from ringfence.app.assess.debt_svg import HEIGHT, WIDTH, Line, bars, chart, ticks

DAY = 86_400.0
CHARACTER, TALL = 6.6, 12.0
"""How wide and tall a character of the page's style is at most, on average."""


@given(st.floats(1e-6, 1e18))
def test_an_axis_goes_in_round_steps_to_the_first_that_is_not_below(most: float) -> None:
    marks = ticks(most)
    step = marks[1]
    assert marks[0] == 0.0
    assert marks[-1] >= most * (1 - 1e-6)
    assert len(marks) <= 6
    assert marks[-2] < most * (1 + 1e-6)
    assert f"{step:.5e}"[0] in "125"
    assert f"{step:.5e}"[1:7] == ".00000"


@pytest.mark.parametrize("most", [0.0, -1.0, math.inf, math.nan])
def test_an_axis_of_nothing_ends_at_one(most: float) -> None:
    assert ticks(most)[-1] == 1.0


def texts(svg: str) -> list[tuple[float, float, float, str]]:
    """(left, right, baseline, text) of every text of a drawing."""
    found = []
    for mark in re.finditer(r"<text ([^>]*)>([^<]*)</text>", svg):
        said = dict(re.findall(r'([\w-]+)="([^"]*)"', mark[1]))
        wide = CHARACTER * len(mark[2])
        shift = {"end": wide, "middle": wide / 2}.get(said.get("text-anchor", ""), 0.0)
        x, y = float(said["x"]), float(said["y"])
        found.append((x - shift, x - shift + wide, y, mark[2]))
    return found


TIMES = st.lists(st.floats(0, 4000), min_size=1, max_size=40, unique_by=int).map(
    lambda days: [1.7e9 + DAY * int(one) for one in sorted(days)]
)


@given(TIMES, st.data())
def test_no_text_of_a_chart_lies_on_another_or_leaves_it(times: list[float], data: st.DataObject) -> None:
    """Whatever the times: surveys of one week and then none for years; whatever the values, all of them 0 too."""
    value = st.none() | st.sampled_from([0.0, 1.0, 1.01, 99.0, 1e13])
    values = st.lists(value, min_size=len(times), max_size=len(times)).map(tuple)
    lines = [Line(name, data.draw(values), name) for name in ("debt", "FLOP/s", "GPU-hours")]
    found = texts(chart(times, lines, "debt"))
    for at, (left, right, y, _) in enumerate(found):
        assert left >= 0
        assert right <= WIDTH
        assert TALL / 2 <= y <= HEIGHT
        for other, to, line, _ in found[:at]:
            assert abs(line - y) >= TALL or right <= other or to <= left


def test_the_first_and_the_last_survey_are_dated() -> None:
    times = [1_735_689_600.0 + 30 * DAY * month for month in range(12)]
    said = [text for *_, text in texts(chart(times, [Line("debt", (1.0,) * 12, "debt")], "debt"))]
    assert "2025-01-01" in said
    assert "2025-11-27" in said


def test_bars_stay_inside_whatever_they_are_called() -> None:
    drawn = bars([("hole/" + "w" * 90, 1e6, "not collected " * 9), ("RF-D03", 0.0, "<b>")], "who owes")
    assert "&lt;b&gt;" in drawn
    words = [re.sub(r"<[^>]*>", "", one) for one in re.findall(r'<text x="0".*?</text>', drawn)]
    assert all(CHARACTER * len(one) < 450 for one in words)
    assert all(right <= WIDTH for _, right, _, _ in texts(drawn))


@pytest.fixture(scope="module")
def grown() -> History:
    return history(estates(4))


def test_findings_stand_in_the_order_of_what_they_owe_and_owe_d_together(grown: History) -> None:
    told = shown(grown)
    assert sum(grown.owes) == pytest.approx(grown.last.debt.total)
    owes = [row["owes"] for row in told["findings"]]
    assert owes == sorted(owes, reverse=True)
    assert owes[0] > 0
    by_check = {row["check"]: row["owes"] for row in told["contributors"]}
    assert all(row["owes"] <= by_check[row["check"]] + 1e-3 for row in told["findings"] if row["owes"])
    page = debt_page(told)
    listed = page[page.index("Findings on the likeliest ways") :]
    rows = [float(row) for row in re.findall(r"<tr><td class=n>([\d.]+)</td><td class=id>", listed)]
    assert rows == sorted(rows, reverse=True)
    assert min(rows) > 0
    assert len(rows) > 3


def test_of_one_survey_nothing_is_drawn_over_time_and_nothing_said_of_its_flow() -> None:
    page = debt_page(shown(history(estates(1))))
    assert "polyline" not in page
    assert "a day arrive" not in page
    assert "From the second on" in page
    assert "Who owes it" in page


def test_steps_that_pay_only_together_are_one_row_of_the_plan(grown: History) -> None:
    told = shown(grown)
    first, second = ({**row} for row in told["next"][:2])
    told["next"] = [first | {"together": [second]}]
    page = debt_page(told)
    assert f"{first['check']}</span> + <span class=id>{second['check']}" in page
    assert "Only together." in page
