"""Rules from files: what does not parse is a problem of its own; filters, correlations, and what is kept."""

from itertools import pairwise

import pytest

from ringfence.watch.correlate import plans
from ringfence.watch.sigma import Matcher, load
from ringfence.watch.sigma.ruleset import keep, kept
from tests.watch.sigma.helpers import batch, rule

GOOD = rule("s: {CommandLine|contains: a}")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
BOMB = "a: &a [x, x]\n" + "".join(f"{two}: &{two} [*{one}, *{one}]\n" for one, two in pairwise(LETTERS))
BAD = {
    "not YAML": "a: [",
    "no mapping": "- 1\n- 2",
    "a word": "hello",
    "no detection": "title: t\nlogsource: {product: linux}\n",
    "no condition": "title: t\nlogsource: {product: linux}\ndetection: {s: {a: b}}\n",
    "an unknown name": rule("s: {a: b}\ncondition: t"),
    "an unknown modifier": rule("s: {a|sounds_like: b}"),
    "a pipe": rule("s: {a: b}\ncondition: s | count() > 5"),
    "a network that is none": rule("s: {a|cidr: 10.0.0.1/8}"),
    "nested without end": "a: " + "[" * 5000,
    "deep condition": rule("s: {a: b}\ncondition: " + "not " * 3000 + "s"),
    "aliases that multiply": BOMB,
    "NUL": "title: t\0",
    "odd types": "title: {}\nid: 5\nlogsource: 7\ndetection: 3\n",
}


@pytest.mark.parametrize("what", BAD)
def test_a_file_that_does_not_parse_is_a_problem_and_the_others_go_on(what):
    """Never an exception."""
    ruleset, problems = load([("bad.yml", BAD[what]), ("good.yml", GOOD)])
    assert {one.file for one in problems} == {"bad.yml"}
    assert [one.file for one in ruleset.rules] == ["good.yml"]


def test_documents_of_one_file_go_on_without_the_bad_one():
    """Three of them, the middle one bad."""
    middle = rule("s: {a|sounds_like: b}", "00000000-0000-4000-8000-000000000002")
    last = rule("s: {CommandLine: b}", "00000000-0000-4000-8000-000000000003")
    ruleset, problems = load([("all.yml", f"{GOOD}---\n{middle}---\n{last}")])
    assert len(ruleset.rules) == 2
    assert len(problems) == 1


MANY = """
title: two bounds
id: 00000000-0000-4000-8000-0000000000{last}
correlation:
  type: event_count
  rules: [00000000-0000-4000-8000-000000000001]
  group-by: [User]
  timespan: 5m
  condition: {{{asked}}}
"""


def test_a_correlation_that_is_refused_takes_no_other_document_with_it():
    """It is named by its place, title and id; another one beside it still finds its rule."""
    bad, good = MANY.format(last="0b", asked="gte: 3, lt: 9"), MANY.format(last="0c", asked="gte: 3")
    ruleset, problems = load([("all.yml", f"{bad}---\n{GOOD}---\n{good}")])
    assert [one.id[-2:] for one in (*ruleset.rules, *ruleset.correlations)] == ["01", "0c"]
    made, refused = plans(ruleset)
    assert [one.rule.id[-2:] for one in made] == ["0c"]
    assert not refused
    (said,) = [one.what for one in problems]
    assert said.startswith("document 1, two bounds, 00000000-0000-4000-8000-00000000000b: ")
    assert "exactly one condition" in said


def test_a_document_that_is_no_yaml_takes_no_other_with_it():
    """The line is that of the file."""
    last = rule("s: {CommandLine: b}", "00000000-0000-4000-8000-000000000003")
    ruleset, problems = load([("all.yml", f"{GOOD}---\ntitle: [\n---\n{last}---\n- 1\n")])
    assert [one.id[-1] for one in ruleset.rules] == ["1", "3"]
    assert [(one.line > GOOD.count("\n"), one.what[:10]) for one in problems] == [
        (True, "not YAML: "),
        (False, "document 3"),
    ]


def test_an_action_carries_a_document_into_those_after_it():
    """`global` into all until `reset`, `repeat` the last one; what is unheard of is a problem."""
    head = "action: global\nlogsource: {category: process_creation}\nlevel: high\n"
    body = "title: one\nid: 00000000-0000-4000-8000-000000000001\ndetection: {s: {CommandLine: a}, condition: s}\n"
    again = "action: repeat\nid: 00000000-0000-4000-8000-000000000002\nlevel: low\n"
    alone = rule("s: {CommandLine: c}", "00000000-0000-4000-8000-000000000003")
    texts = [head, body, again, "action: reset\n", alone, "action: dance\n"]
    ruleset, problems = load([("all.yml", "---\n".join(texts))])
    assert [(one.id[-1], one.level) for one in ruleset.rules] == [("1", "high"), ("2", "low"), ("3", "")]
    assert [one.what for one in problems] == ["document 6: the action dance is not known"]


def test_an_id_is_taken_once():
    """The second rule of that id is told and left out."""
    ruleset, problems = load([("one.yml", GOOD), ("two.yml", GOOD)])
    assert [one.file for one in ruleset.rules] == ["one.yml"]
    assert "one.yml" in problems[0].what


FILTER = """
title: no administrators
logsource: {category: process_creation}
filter:
  rules: [00000000-0000-4000-8000-000000000001]
  admin: {User: root}
  condition: not admin
"""


def test_a_filter_narrows_the_rules_that_it_names():
    """And no other."""
    other = rule("s: {CommandLine|contains: a}", "00000000-0000-4000-8000-000000000002")
    ruleset, problems = load([("f.yml", FILTER), ("one.yml", GOOD), ("two.yml", other)])
    assert not problems
    rows = [{"process.cmd_line": "a", "process.user.name": user} for user in ("root", "bob")]
    found = Matcher(ruleset, routed=False).match(batch(rows))
    assert list(zip(found.rows.tolist(), found.rules.tolist(), strict=True)) == [(0, 1), (1, 0), (1, 1)]
    assert "process.user.name" in ruleset.rules[0].columns


CORRELATION = """
title: many
id: 00000000-0000-4000-8000-00000000000a
name: many_a
level: high
correlation:
  type: value_count
  rules: [00000000-0000-4000-8000-000000000001, named]
  group-by: [device.hostname]
  timespan: 5m
  condition: {gte: 3, field: User}
  aliases: {who: {named: User}}
"""


def test_a_correlation_is_plain_values():
    """As it is written, its time span in seconds."""
    asked = "{type: temporal, timespan: 1h, condition: a and not b}"
    extended = f"title: x\nid: 00000000-0000-4000-8000-00000000000b\ncorrelation: {asked}\n"
    ruleset, problems = load([("c.yml", CORRELATION), ("d.yml", extended), ("one.yml", GOOD)])
    assert not problems
    many, temporal = ruleset.correlations
    assert (many.type, many.seconds, many.op, many.value, many.fields) == ("value_count", 300, "gte", 3, ("User",))
    assert many.rules == ("00000000-0000-4000-8000-000000000001", "named")
    assert many.aliases == (("who", (("named", "User"),)),)
    assert (temporal.expression, temporal.rules, temporal.seconds) == ("a and not b", ("a", "b"), 3600)


def test_what_was_parsed_is_kept_and_taken_up():
    """Bytes in between; a changed file is parsed again, a damaged cache is none."""
    known = {}
    texts = [("one.yml", GOOD), ("c.yml", CORRELATION), ("bad.yml", BAD["a pipe"])]
    first = load(texts, known=known)
    data = keep(known)
    again = kept(data)
    assert again == known
    assert load(texts, known=again) == first
    changed, _ = load([("one.yml", GOOD.replace("title: one", "title: two"))], known=again)
    assert [one.title for one in changed.rules] == ["two"]
    assert len(again) == 1
    for broken in (b"", data[:-5], b"\xc1" + data, data.replace(b"2 0", b"9 9", 1)):
        assert kept(broken) == {}
