"""Every modifier and kind of value gives what the naive evaluator gives, and what the specification says."""

import pytest

from ringfence.watch.sigma import load
from tests.watch.sigma.helpers import agree, batch, matched, rule

LINE = "process.cmd_line"
ODD = [
    "",
    "a",
    "AB",
    "ab",
    "xabx",
    "Straße",
    "STRASSE",
    "ΑΣ",
    "ας",
    "ΑΣΑ",
    "K",
    "k",
    "ſ",
    "s",
    "İ",
    "ı",
    "i",
    "a\nb",
    "*",
    "?",
]
ODD += ["\\", "a*b", "a?b", "aXb", "aéb", "a\\*b", "\\\\host\\share", "\U0001f600", "ﬅ", "ﬆ", "\x00", "e\u0301"]

DETECTIONS = {
    "whole": ("s: {CommandLine: ab}", ["AB", "ab"]),
    "empty": ("s: {CommandLine: ''}", [""]),
    "contains": ("s: {CommandLine|contains: AB}", ["AB", "ab", "xabx"]),
    "startswith": ("s: {CommandLine|startswith: a*}", None),
    "endswith": ("s: {CommandLine|endswith: b}", None),
    "one character": ("s: {CommandLine: 'a?b'}", None),
    "one literal question mark": (r"s: {CommandLine: 'a\?b'}", ["a?b"]),
    "a literal asterisk": (r"s: {CommandLine|contains: '\*'}", ["*", "a*b", "a\\*b"]),
    "a backslash before a wildcard": (r"s: {CommandLine: 'a\\*'}", ["a\\*b"]),
    "any run": ("s: {CommandLine: 'a*b'}", None),
    "several runs": ("s: {CommandLine: '*a*b*'}", None),
    "anything": ("s: {CommandLine: '*'}", None),
    "at least one": ("s: {CommandLine: '?*'}", None),
    "exactly two": ("s: {CommandLine: '??'}", None),
    "cased": ("s: {CommandLine|cased: AB}", ["AB"]),
    "cased contains": ("s: {CommandLine|contains|cased: ab}", ["ab", "xabx"]),
    "sharp s": ("s: {CommandLine: straße}", ["Straße"]),
    "sigmas": ("s: {CommandLine|contains: 'ας'}", ["ΑΣ", "ας", "ΑΣΑ"]),
    "kelvin": ("s: {CommandLine: k}", ["K", "k"]),
    "long s": ("s: {CommandLine: S}", ["ſ", "s"]),
    "dotted and dotless i": ("s: {CommandLine: I}", ["İ", "ı", "i"]),
    "all": ("s: {CommandLine|contains|all: [a, b]}", None),
    "any of a list": ("s: {CommandLine: [ab, '*x']}", None),
    "neq": ("s: {CommandLine|neq: ab}", None),
    "regular expression": ("s: {CommandLine|re: 'A.*B'}", ["AB"]),
    "regular expression, any case": ("s: {CommandLine|re|i: 'A.?B$'}", None),
    "regular expression, dot for newline": ("s: {CommandLine|re|s: 'a.b'}", None),
    "regular expression, lines": ("s: {CommandLine|re|m: '^b'}", ["a\nb"]),
    "regular expression with choices": ("s: {CommandLine|re: '(ab|X)b?$'}", None),
    "regular expression of letters with odd cases": ("s: {CommandLine|re|i: '^(k|s)$'}", ["K", "k", "ſ", "s"]),
    "null": ("s: {CommandLine: null}", None),
    "null or a value": ("s: {CommandLine: [null, ab]}", None),
    "exists": ("s: {CommandLine|exists: true}", None),
    "exists not": ("s: {CommandLine|exists: false}", None),
    "not": ("s: {CommandLine|contains: a}\ncondition: not s", None),
    "boolean": ("s: {CommandLine: true}", None),
    "number": ("s: {CommandLine: 5}", None),
    "keyword": ("s: [xab, straße]", ["xabx", "Straße"]),
    "keyword with wildcard": ("s: ['a*b']", None),
    "keyword expression": ("s:\n  '|re': '^a.b$'", None),
    "all keywords": ("s:\n  '|all': [a, b, '\\*']", None),
}


@pytest.mark.parametrize("name", DETECTIONS)
def test_a_text_matches_as_the_naive_evaluator_has_it(name):
    """Odd texts, and an event without any."""
    detection, expected = DETECTIONS[name]
    found = agree(detection, [*({LINE: text} for text in ODD), {}])
    assert found or expected == [] or name in ("boolean", "number")
    if expected is not None:
        assert [ODD[at] for at in found] == expected


NUMBERS = [{"dst_endpoint.port": n} for n in (0, 21, 22, 23, -5, 2**53 + 1, 2**53)]
NUMBERS += [{"unmapped.DestinationPort": text} for text in ("22", "22.0", " 22", "21", "x", "1e2", "")]
NUMBERS += [{"gpu.power": watts} for watts in (0.0, 22.0, 22.5, -1.5, float("inf"), float("nan"))]


@pytest.mark.parametrize(
    "asked",
    [
        "DestinationPort: 22",
        "DestinationPort: '22'",
        "DestinationPort|startswith: '2'",
        "DestinationPort|contains: 2",
        "DestinationPort|lt: 22",
        "DestinationPort|lte: 22",
        "DestinationPort|gt: 22",
        "DestinationPort|gte: 22",
        "DestinationPort|neq: 22",
        f"DestinationPort: {2**53 + 1}",
        f"DestinationPort|gt: {2**53}",
        f"DestinationPort|lt: {2**70}",
        "DestinationPort|gt: 21.5",
        "DestinationPort: 22.5",
        "DestinationPort|re: '^2[0-3]$'",
        "gpu.power: 22",
        "gpu.power: 22.5",
        "gpu.power|gte: 22.5",
        "gpu.power|lt: 22",
        "gpu.power: '22.5'",
        "gpu.power|endswith: '.5'",
    ],
)
def test_numbers_compare_as_numbers_where_the_column_has_numbers(asked):
    """Whole ones, real ones, and numbers that stand in text."""
    if "contains: 2" in asked:
        ruleset, problems = load([("one.yml", rule(f"s: {{{asked}}}"))])
        assert not ruleset.rules
        assert "incompatible" in problems[0].what
    else:
        agree(f"s: {{{asked}}}", NUMBERS, "network_connection")


ADDRESSES = [
    "10.0.0.1",
    "10.1.2.3",
    "10.0.0.256",
    "010.0.0.1",
    "10.0.0",
    "10.0.0.1.5",
    "",
    "fe80::1",
    "FE80::1",
    "::ffff:10.0.0.1",
]
ADDRESSES += ["10.0.0.1 ", "255.255.255.255", "0.0.0.0", "10..0.1", "x", "fe80::1%eth0", "1.2.3.4/8", "١٠.0.0.1"]


@pytest.mark.parametrize(
    "network", ["10.0.0.0/8", "10.0.0.0/30", "0.0.0.0/0", "10.0.0.1/32", "255.255.255.255/32", "fe80::/10", "::/0"]
)
def test_an_address_is_in_its_network(network):
    """IPv4 in compiled code, IPv6 outside; what is no address is in none."""
    agree(
        f"s: {{DestinationIp|cidr: '{network}'}}", [{"dst_endpoint.ip": one} for one in ADDRESSES], "network_connection"
    )


PAIRS = [("a", "a"), ("A", "a"), ("ab", "a"), ("ab", "b"), ("xabx", "ab"), ("a", ""), ("Straße", "straße"), ("a", "ab")]


@pytest.mark.parametrize("how", ["fieldref", "fieldref|startswith", "fieldref|endswith", "fieldref|contains"])
def test_a_field_is_held_against_another(how):
    """As a whole, at its begin, its end, or within; a null on either side is no match."""
    rows = [{LINE: one, "actor.process.cmd_line": other} for one, other in PAIRS]
    found = agree(f"s: {{CommandLine|{how}: ParentCommandLine}}", [*rows, {LINE: "a"}, {}])
    assert 0 in found


TIMES = ["2026-02-28T23:59:30Z", "2026-03-01T00:59:30+01:00", "2025-12-31 10:05:00", "noon", ""]


@pytest.mark.parametrize(
    "asked", ["minute: 59", "hour: 23", "hour|gte: 23", "day: 28", "week: 9", "month: 2", "month|lt: 12", "year: 2026"]
)
def test_parts_of_a_time(asked):
    """ISO 8601 with and without a zone, and microseconds since the epoch."""
    rows = [{"unmapped.at": text} for text in TIMES]
    agree(f"s: {{at|{asked}}}", rows)
    part = asked.partition(":")[0]
    agree(f"s: {{time|{part}: 1}}", rows)


def test_windows_dashes_stand_for_one_another():
    """`-`, `/` and the three long dashes."""
    rows = [{LINE: f"cmd {dash}enc x"} for dash in ("-", "/", "–", "—", "―", "+")]
    assert agree("s: {CommandLine|windash|contains: ' -enc'}", rows) == [0, 1, 2, 3, 4]
    assert agree("s:\n  CommandLine|windash|contains|all: [' -enc', ' -e']", rows) == [0, 1, 2, 3, 4]


def test_encoded_texts_are_found():
    """base64 at all three offsets, and of UTF-16."""
    from base64 import b64encode

    rows = [{LINE: b64encode(b"." * lead + b"http://example" + b"..").decode()} for lead in range(3)]
    assert agree("s: {CommandLine|base64offset|contains: 'http://example'}", rows) == [0, 1, 2]
    assert agree("s: {CommandLine|base64: foo}", [{LINE: "Zm9v"}]) == [0]
    wide = [{LINE: b64encode("ping".encode(code)).decode()} for code in ("utf-16le", "utf-16be", "utf-16")]
    for name, expected in (("wide", 0), ("utf16be", 1)):
        assert agree(f"s: {{CommandLine|{name}|base64offset|contains: ping}}", wide)[0] == expected
    assert matched(rule("s: {CommandLine|utf16le|base64offset|contains: ping}"), batch(wide))[0] == 0
    assert 2 in agree("s: {CommandLine|utf16|base64: ping}", wide)


def test_placeholders_take_the_values_given():
    """Without values the rule is a problem."""
    text = rule("s: {User|expand: '%admins%', CommandLine|expand: '%tool% -x'}")
    ruleset, problems = load([("one.yml", text)])
    assert not ruleset.rules
    assert "%admins%" in problems[0].what
    rows = [{"process.user.name": user, LINE: line} for user, line in (("root", "nc -x"), ("bob", "nc -x"))]
    values = {"admins": ["root", "toor"], "tool": ["nc"]}
    assert matched(text, batch(rows), placeholders=values) == [0]


def test_selectors_and_lists_of_maps():
    """`1 of`, `all of`, `them`, and a list of maps as alternatives."""
    rows = [{LINE: line} for line in ("a", "ab", "abc", "c", "")]
    parts = "sel_1: {CommandLine|contains: a}\nsel_2: {CommandLine|contains: b}\nother: {CommandLine|contains: c}\n"
    for condition in (
        "1 of sel_*",
        "all of sel_*",
        "all of them",
        "1 of them and not other",
        "any of sel_* or not other",
    ):
        agree(parts + f"condition: {condition}", rows)
    agree("s:\n  - {CommandLine: a}\n  - {CommandLine|contains: b, CommandLine|endswith: c}", rows)
    agree("s: {CommandLine: a}\nt: {CommandLine: c}\ncondition:\n  - s\n  - t", rows)
