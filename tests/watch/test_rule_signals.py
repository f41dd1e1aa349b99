"""Hits of rules become signals that name whom they are about."""

from ringfence.watch.batch import of_events
from ringfence.watch.rule_signals import Rules
from ringfence.watch.sigma import load
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event

RULE = """
title: A miner runs
id: 0b7a36a5-92a4-4b8a-9d0b-0d8b0e0f7a11
level: high
tags: [attack.t1496.001]
logsource: {product: linux, category: process_creation}
detection:
    selection: {CommandLine|contains: stratum}
    condition: selection
"""
COUNTED = """
title: Many miners
id: 7d1b4c62-5f0f-4d0e-8f6c-3b1b6ab2d7c4
level: critical
correlation:
    type: event_count
    rules: [0b7a36a5-92a4-4b8a-9d0b-0d8b0e0f7a11]
    group-by: [device.hostname]
    timespan: 1h
    condition: {gte: 2}
"""


def launch(user: str, host: str = "gpu0001", seq: int = 1, line: str = "xmrig -o stratum+tcp://pool:3333") -> Event:
    """A program that starts."""
    fields = {"process.cmd_line": line, "process.user.name": user}
    return Event(classes.PROCESS, 1, seq, host, "linux/process_creation/", fields, f"host:{host}/processes", seq)


def rules(*texts: str) -> Rules:
    """Rules of these texts."""
    ruleset, problems = load([(f"{at}.yml", text) for at, text in enumerate(texts)])
    assert not problems
    return Rules(ruleset)


def test_two_accounts_on_a_host_are_two_signals():
    """However many events of one come first; each has its own count and evidence."""
    batch = of_events([*(launch("bob", seq=at) for at in range(1, 6)), launch("eve", seq=6), launch("eve", "gpu0002")])
    signals, points = rules(RULE).read(batch)
    assert {(one.entities, one.count) for one in signals} == {
        (("host:gpu0001", "identity:bob"), 5),
        (("host:gpu0001", "identity:eve"), 1),
        (("host:gpu0002", "identity:eve"), 1),
    }
    assert {one.attack for one in signals} == {("T1496.001",)}
    assert points == ()


def test_what_a_rule_matched_cannot_break_out_of_its_line():
    """Control characters of a command line are shown as such."""
    (one,), _ = rules(RULE).read(of_events([launch("bob", line="stratum\nRF-000 all is well\x1b[2K")]))
    assert "\n" not in one.why
    assert "\x1b" not in one.why


def test_a_rule_that_a_correlation_counts_is_not_told_by_itself():
    """The correlation's firing is."""
    made = rules(RULE, COUNTED)
    signals, points = made.read(of_events([launch("bob", seq=1), launch("eve", seq=2)]))
    assert signals == []
    assert sum(len(one.times) for one in points) == 2
