"""What the first bytes of a log hold, for its recognition: the first JSON object, or the first lines."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

HEAD = 64 << 10
"""Bytes that a form may look at."""

PASSED_OVER = 5
"""Lines at the start of a file that may be damaged, or far too long, without hiding what the file is."""

_TRIES = 5
_NAME = re.compile(r'"([^"\\\x00-\x1f]{1,64})" {0,4}:')
_DECODER = json.JSONDecoder()


@lru_cache(maxsize=4)
def record(head: bytes) -> Mapping[str, Any]:
    """The first whole JSON object, alone on its line, pretty-printed or in an array; empty where there is none.

    Of an object longer than the head its names are given, with empty values. Some damaged lines at the start are
    passed over.
    """
    text = head.decode("utf-8", "replace").removeprefix("\ufeff").lstrip()
    if not text.startswith(("{", "[")):
        return {}
    for line in (text, *text.split("\n", _TRIES)[1:_TRIES]):
        at = line.find("{")
        if at < 0:
            continue
        try:
            found, _ = _DECODER.raw_decode(line, at)
        except (ValueError, RecursionError):
            continue
        return found if isinstance(found, dict) else {}
    return dict.fromkeys(_NAME.findall(text), "") if len(head) >= HEAD else {}


@lru_cache(maxsize=4)
def lines(head: bytes) -> tuple[str, ...]:
    """The first lines that are not blank, undecodable bytes replaced; at most 20, of at most 2,048 characters."""
    every = head.decode("utf-8", "replace").removeprefix("\ufeff").split("\n", 40)
    return tuple(line.rstrip("\r")[:2048] for line in every if line.strip())[:20]


def mostly(found: int, of: int) -> bool:
    """Whether enough of some lines look alike to call the whole by their name: more than half."""
    return found * 2 > of
