"""What checks say reads as sentences: nothing is said twice, and one thing is one."""

import re

import pytest

from ringfence.assess.check import Verdict
from ringfence.assess.checks import CHECKS
from tests.assess.test_checks import BY_NAME, NAMES, judged, sample

_TWICE = re.compile(r"\b([a-z]{2,}) \1\b")
_ONE_OF_MANY = re.compile(r"\b1 (?:hosts|jewels|findings|facts|steps|things|accounts|nodes|checks|estates)\b")


def texts() -> list[str]:
    """Every sentence that a check can say."""
    whens = [when.says for check in CHECKS for when in (*check.fails, *check.rests, *check.doubts)]
    own = [text for check in CHECKS for text in (check.title, check.why, check.remedy, *check.window)]
    return [*whens, *own]


def test_no_word_is_doubled() -> None:
    assert [text for text in texts() if _TWICE.search(text) or _ONE_OF_MANY.search(text)] == []


def parts_alike(reason: str) -> list[tuple[str, str]]:
    """Pairs of a reason's parts of which one says little more than the other: three quarters of its words."""
    parts = reason.split("; ")
    words = [set(re.findall(r"[\w']+", part)) for part in parts]
    return [
        (parts[one], parts[other])
        for one in range(len(parts))
        for other in range(one)
        if len(words[one] & words[other]) >= 0.75 * min(len(words[one]), len(words[other]))
    ]


def test_parts_alike_are_seen() -> None:
    """Else the test below would say nothing."""
    assert parts_alike("any client's superuser is its superuser; a client's superuser is its superuser")
    assert not parts_alike("it asks nobody; it is heard on a network")


@pytest.mark.parametrize("name", NAMES)
def test_a_reason_says_nothing_twice(name: str) -> None:
    for one in judged(BY_NAME[name], sample(name, "failed")):
        if one.verdict is Verdict.FAILED:
            assert parts_alike(one.reason) == [], one.reason
