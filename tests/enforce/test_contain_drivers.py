"""Who containment's drivers are, on a node and at the server, and what their tables need."""

from pathlib import Path

import pytest

from ringfence.app.enforcer.drivers import drivers_of
from ringfence.app.enforcer.settings import Settings
from ringfence.app.enforcer.standing import stands
from ringfence.app.fence.drivers import DRIVERS
from ringfence.errors import EnforceError, InputError
from ringfence.wire.contain import OnHost, Until, encode

TABLES = (
    {"target": "contain", "memory": "/nowhere/contain.json"},
    {"target": "flows", "memory": "/nowhere/contain.json"},
    {"target": "sessions", "pid_file": "/nowhere/sshd.pid"},
    {"target": "keys", "main": "/m", "drop_in": "/d", "revoked": "/r", "pid_file": "/nowhere/sshd.pid"},
)
LATER = 1 << 40


def test_every_target_of_a_host_has_its_driver_on_both_sides():
    targets = {table["target"] for table in TABLES}
    assert {*drivers_of(Settings(socket="/x", enforcer=TABLES))} == targets
    assert targets <= DRIVERS.keys()


def test_a_table_that_lacks_what_its_target_needs_is_refused():
    with pytest.raises(InputError, match="keys takes drop_in, main, pid_file, revoked"):
        drivers_of(Settings(socket="/x", enforcer=({"target": "keys", "main": "/m"},)))


def test_what_is_kept_per_host_is_not_kept_per_job(tmp_path: Path):
    made = drivers_of(Settings(socket="/x", enforcer=TABLES))
    for target, make in made.items():
        with pytest.raises(EnforceError, match=f"{target} keeps one artefact per host"):
            make("host:a", "4711")
    with pytest.raises(EnforceError, match="names no running sshd"):
        made["keys"]("host:a", "")


@pytest.mark.parametrize(
    ("now", "same"),
    [
        (OnHost(blocked=(Until("a", LATER), Until("b", 9))), True),
        (OnHost(blocked=(Until("a", LATER - 7),)), True),
        (OnHost(blocked=(Until("a"),)), False),
        (OnHost(blocked=(Until("a", 9),)), False),
        (OnHost(blocked=(Until("a", LATER), Until("c", LATER))), False),
        (OnHost(blocked=(Until("a", LATER),), users=(Until("a"),)), False),
        (OnHost(blocked=(Until("a", LATER),), keep=("k",)), False),
        (OnHost(blocked=(Until("a", LATER),), rate=1), False),
        (OnHost(), False),
    ],
)
def test_a_containment_stands_as_it_was_but_for_what_lapsed(now, same):
    was = OnHost(blocked=(Until("b", 8), Until("a", LATER)))
    assert stands("contain", encode(was), encode(now)) == same
    assert stands("contain", encode(was), "garbage") is False


def test_a_containment_of_which_all_lapsed_is_like_none():
    assert stands("contain", encode(OnHost(isolated=(Until("x", 9),), keep=("k",))), "")
