"""The event that each rule of the pack is for, and the one that differs from it in what matters."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ringfence.wire.ocsf.event import Event

HERE = Path(__file__).parent


def cases(file: str) -> tuple[list[Event], list[Event]]:
    """The events that must set a rule off, and those that must not; for a rule of single events, one each."""
    yes, no = (_events(json.loads(line)) for line in (HERE / file).with_suffix(".ndjson").read_text().splitlines())
    return yes, no


def _events(said: Mapping[str, Any] | Iterable[Mapping[str, Any]]) -> list[Event]:
    return [_event(dict(one)) for one in ([said] if isinstance(said, dict) else said)]


def _event(said: dict[str, Any]) -> Event:
    fixed = [said.pop(name) for name in ("class_uid", "activity_id", "time", "device.hostname", "logsource")]
    return Event(*fixed, fields=said)
