"""Tables walked byte by byte say what RE2 says of a pattern, and what looking one by one says of a list of texts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.watch.sigma import dfa, regex, tree
from ringfence.watch.sigma.automaton import BEGIN, END
from ringfence.watch.sigma.walk import Table, holds, joined, literals
from tests.shared_data import shared

PIECES = (
    "a",
    "b",
    "[ab]",
    "[^a]",
    ".",
    "\\d",
    "\\w",
    "\\W",
    "\\s",
    "(a|b)",
    "(?:ab|b)?",
    "a*",
    "b+?",
    "a{2,3}",
    "^",
    "$",
)
PIECES += ("\\b", "\\B", "(?i:aB)", "(?s:.)", "(?m:^b)", "(?m:a$)", "\\A", "(a*)*", "|", "1", " ", "\\n", "x{0}")
TEXTS = st.text(alphabet="abAB1 \n-x", max_size=12)
WORDS = st.tuples(st.text(alphabet="abA.é", min_size=1, max_size=4), st.sampled_from((0, BEGIN, END, BEGIN | END)))


def _says(table: Table, text: bytes) -> int:
    data = np.frombuffer(text + b"\0", np.uint8)
    tables = joined([table])
    return holds(data, 0, len(text), 0, tables.heads.reshape(-1), tables.classes, tables.steps, tables.ends)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6), st.sampled_from(("", "(?i)", "(?m)", "(?s)")), TEXTS)
def test_a_pattern_holds_where_re2_finds_it(pieces, flags, text):
    """Classes, repeats, choices, edges and flags, on short texts."""
    pattern = flags + "".join(pieces)
    if regex.fault(pattern):
        return
    table = dfa.table(pattern)
    if table is not None:
        assert bool(_says(table, text.encode())) == (regex.compiled(pattern).search(text) is not None), pattern


def test_other_than_ascii_is_left_to_re2():
    """Unless the answer is known before it comes."""
    table = dfa.table("ab?c")
    assert table is not None
    assert [_says(table, text.encode()) for text in ("acxé", "éac", "aé", "x")] == [1, 2, 2, 0]


@pytest.mark.parametrize("pattern", ["(.{1,100}a){20}", "(?i)ſ", "(a{900}){900}", ".{2000,}", "[[:alpha:]]"])
def test_what_would_be_too_large_has_no_table(pattern):
    """Or means another thing to the parser."""
    assert dfa.table(pattern) is None


@settings(max_examples=200, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=8), st.text(alphabet="abA.é", max_size=8))
def test_a_list_of_texts_holds_where_one_of_them_stands(words, text):
    """Anchored or not; both sides folded."""
    folded = [(word.lower().encode(), anchors) for word, anchors in words]
    value = text.lower().encode()
    looks = {0: lambda a, b: b in a, BEGIN: bytes.startswith, END: bytes.endswith, BEGIN | END: lambda a, b: a == b}
    expected = any(looks[anchors](value, word) for word, anchors in folded)
    assert _says(literals(folded), text.lower().encode()) == expected


def test_the_patterns_of_sigmahq_have_tables():
    """Nearly all, so that few are asked outside."""
    from ringfence.watch.sigma import load

    paths = sorted((shared("sigma") / "rules" / "linux").rglob("*.yml"))
    ruleset, _ = load([(str(path), path.read_text()) for path in paths])
    patterns = {atom.text for one in ruleset.rules for atom in tree.atoms(one.when) if atom.op == tree.REGEX}
    assert patterns
    assert all(dfa.table(one) is not None for one in patterns)
