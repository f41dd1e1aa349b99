"""D06: bytes leave in names asked for."""

import hashlib

from ringfence.watch.detectors import dns_tunnel
from ringfence.wire.ocsf import classes
from tests.watch.events import both_ways, event
from tests.watch.hostile import hostile


def asked(at: float, name: str, host: str = "gpu0001"):
    """A name is asked for."""
    return event(classes.DNS, 1, at, host, query__hostname=name)


def label(number: int) -> str:
    """Letters that look like bytes."""
    return hashlib.sha256(str(number).encode()).hexdigest()[:40]


def test_many_long_names_below_one_domain_are_told():
    """Six a minute, for five minutes."""
    found = both_ways(dns_tunnel, [asked(at * 10, f"{label(at)}.relay.example") for at in range(30)])
    assert found[0].key == "gpu0001|relay.example"
    assert found[0].time <= found[-1].time


def test_the_same_names_again_words_and_names_that_all_hosts_ask_are_silent():
    """Content networks have long names too."""
    same = [asked(at, f"{label(at % 5)}.cdn.example") for at in range(300)]
    words = [asked(at, f"my-service-number-{at}-in-zone-b.cloud.example") for at in range(100)]
    shared = [asked(at, f"{label(at)}.store.example", f"gpu{at % 9}") for at in range(200)]
    assert both_ways(dns_tunnel, [*same, *words]) == []
    assert both_ways(dns_tunnel, shared) == []


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(dns_tunnel)
