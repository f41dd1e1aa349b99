"""A real opensm on a simulated fabric of 324 hosts, collected with the questions that ship."""

import re
import time
from pathlib import Path

import pytest

from ringfence.collect import infiniband
from ringfence.collect.base import CapturedFile, Scope
from ringfence.collect.probe import Probe
from ringfence.errors import Problem
from ringfence.estate import ids
from ringfence.wire.ibnet import discover, partitions, saquery
from ringfence.wire.ibnet.partitions import Port
from tests.live.opensm import Running, fabric, host_name, port_guid

pytestmark = pytest.mark.live

HOSTS = 324
JOBS = {0x11 + number: range(number * 40, number * 40 + 40) for number in range(8)}
STORAGE = range(320, 324)


def intent() -> str:
    """Eight jobs of forty hosts, storage full in the default key, everyone else limited there."""
    lines = ["Default=0x7fff, defmember=limited : ALL=limited, ALL_SWITCHES=full, SELF=full,"]
    lines.append(", ".join(f"0x{port_guid(index):016x}=full" for index in STORAGE) + ";")
    for key, members in JOBS.items():
        lines.append(f"job{key:x}=0x{key | 0x8000:04x}, defmember=full :")
        guids = [f"0x{port_guid(index):016x}" for index in members]
        lines += [", ".join(guids[at : at + 20]) + ("," if at + 20 < len(guids) else ";") for at in range(0, 40, 20)]
    return "\n".join(lines) + "\n"


def expected() -> set[tuple[str, str, str]]:
    """(port, partition, membership) that the intent means for the hosts."""
    rows = set()
    for index in range(HOSTS):
        full = index == 0 or index in STORAGE
        rows.add((ids.ibport(port_guid(index)), ids.pkey("ib0", 0x7FFF), "full" if full else "limited"))
    for key, members in JOBS.items():
        rows |= {(ids.ibport(port_guid(index)), ids.pkey("ib0", key), "full") for index in members}
    return rows


def test_a_running_fabric_is_collected_as_it_was_meant(tmp_path: Path):
    """Ports, hosts, subnet manager and every partition table equal the intent; the default SM_Key is found."""
    with fabric(tmp_path, HOSTS, intent()) as running:
        files = [
            CapturedFile(question.path, running.ask(*question.argv), 1.0)
            for question in infiniband.QUESTIONS
            if isinstance(question, Probe) and question.where == "fabric" and question.argv[0] != "sed"
        ]
        lids = host_lids(running)
        files.append(CapturedFile("fabric/pkeys.txt", running.tables(lids), 1.0))
    assert len(lids) == HOSTS
    found = list(infiniband.collect(infiniband.FORM, files, Scope(salt=b"test")))
    assert [one for one in found if isinstance(one, Problem)] == []
    facts = [one for one in found if not isinstance(one, Problem)]
    owners = {one.object: one.subject for one in facts if one.predicate == "has_port"}
    assert all(owners[ids.ibport(port_guid(index))] == f"host:{host_name(index)}" for index in range(HOSTS))
    held = {
        (one.subject, one.object, str(one.attributes["membership"]))
        for one in facts
        if one.predicate == "in_pkey" and owners[one.subject].startswith("host:")
    }
    assert held == expected()
    assert {one.object for one in facts if one.predicate == "sm_on"} == {f"host:{host_name(0)}"}
    assert ("network:ib/ib0", "sm_key=default") in {(one.subject, one.object) for one in facts}
    assert sum(one.predicate == "cabled_to" for one in facts) == HOSTS + 18 * 18
    conf = CapturedFile("fabric/partitions.conf", intent().encode(), 1.0)
    again = list(infiniband.collect(infiniband.FORM, [*files, conf], Scope(salt=b"test")))
    assert [one for one in again if isinstance(one, Problem)] == []


def host_lids(running: Running) -> dict[int, int]:
    """LID → port GUID of the hosts, from the topology."""
    nodes = discover.read(running.ask("ibnetdiscover")).nodes
    return {link.lid: link.guid for node in nodes if node.kind == "adapter" for link in node.links}


FOUR = tuple(f"0x{port_guid(index):x}" for index in range(4))
CASES = (
    "j=0x8001:A,B;\n",
    "j=0x8001\n:A,B;\n",
    "j=0x8001:A,B\n",
    "j=0x8001,defmember=full:A=bogus,B;\n",
    "j=0x8001,defmember=bogus:A,B;\n",
    "j=0x8001,wibble:A,B=both;\n",
    "j=0xzz:A;\nk=0x8002:ALL;",
    "j=0x1:A,B=full;\nj2=0x8001:A=full;\nj3=0x8001,defmember=both:C;",
    "j=0x8001:A,\n B,\n\nC;k=0x8002:ALL_CAS=full;",
    "j=0x8001:mgid=ff12:401b::1,sl=3;\n",
    "j=0x8001: mgid=ff12:401b::1,sl=1\n B=full;",
    "j=0x8001: mgid=ff12:401b::1, B=full;",
    "j=0x8001:ALL,C full;\n",
    "# nothing\n",
    "j=0x8001:A ; garbage\n",
    "j=0x8001:A ; k=0x8002: 0xnothex;\n",
    "=0x8003:SELF=full,B=limited;\n",
    "Default:ALL=full;\n",
    "j=0x8001:\n",
    "j=0x8001:A\nB;\n",
    "j=0x8001:all;\n",
    "j=0x18001:B=Full;\n",
    "j=0x8001:ALL=full,B=limited;\n",
    "j=0x8001:B=full;k=0x0001:ALL=limited;\n",
    "j=0x7fff:B=full;\n",
    "Default=0x7fff:ALL=full,SELF=limited,B=limited;\n",
    "j=0x8001:B=;\n",
    "j=0x8001:;k=0x8002:A,,B;;\n",
    "j=-1:ALL=full;",
    "j=:B=full;",
    "j=0x8001: ipoib, B=full;",
    "j=0x8001=0x8002:C=full;",
    "j=0x8001:ALL_ROUTERS=full,ALL_SWITCHES=full,B;",
    "j=0x8001:AL=full;\n",
    "j=0x8001:S=full,N,A;\n",
    "j=0x8001:ALL_CA=full;k=0x8002:ALL_V=full;\n",
    "j=0x8001:A\r\n;\n",
    "j=0x8001:A;\r\nk=0x8002:B;\r\n",
    "j=0x8001:A,\x0bB;\n",
    "j=0x8001:A\x00garbage;\nB;\n",
    "j=0x8001,d=full:A;\n",
    "j=0x8001,defmember=full,defmember=bogus:A;\n",
    "j=0x8001:A; ; k=0x8002:B;\n",
    "j=0x8001:A\n;\n",
    "j=0x8001:A,\n ;\nk=0x8002:B;\n",
    "j=0x8001:A,\n,;\nk=0x8002:B;\n",
    "j=0x8001:\n;\n",
    "j=0x8001:A\nNONE;\nk=0x8002:NONE, B=full;\n",
    "0x8001:A=full;\n",
    "j=0x8001:A" + " " * 4090 + ", B;\n",
    "j=0x8001:" + " " * 4200 + "A;\n",
    "#" + "x" * 5000 + "\nj=0x8001:A;\n",
    "#" + "x" * 4093 + "\nj=0x8001:A;\n",
    "j=0x8001:" + "A," * 400 + "B;\n",
)


def test_our_reading_of_partitions_conf_is_that_of_opensm(tmp_path: Path):
    """Each case is put to the real opensm; the tables it programs are the ones we foretell, fail-open included."""
    wrong = []
    with fabric(tmp_path, 4, "Default=0x7fff:ALL=full;\n") as running:
        lids = host_lids(running)
        for case in CASES:
            text = re.sub(r"\b[ABC]\b", lambda match: FOUR["SABC".index(match[0])], case)
            running.apply(text)
            real = {
                lids[table.lid]: {key & 0x7FFF: "full" if key & 0x8000 else "limited" for key in table.keys}
                for table in saquery.smp_tables(running.tables(lids))
            }
            ports = [Port(port_guid(index), "adapter") for index in range(4)]
            foretold = partitions.tables(partitions.read(text.encode()), ports, port_guid(0))
            if real != foretold:
                wrong.append((case, real, foretold))
    assert wrong == []


def test_a_second_manager_rewrites_every_table(tmp_path: Path):
    """Why the move `default_m_key` stands: with M_Key 0, opensm on any host opens the fabric, whatever its SM_Key."""
    with fabric(tmp_path, 4, "Default=0x7fff:ALL=limited,SELF=full;\n", ("-s", "1")) as running:
        lids = host_lids(running)
        before = {table.keys for table in saquery.smp_tables(running.tables(lids))}
        with running.second_manager(3, "sm_key 0x1234\nsm_priority 15\n"):
            after = tables_until(running, lids, {(0xFFFF,)})
    assert before == {(0xFFFF,), (0x7FFF,)}
    assert after == {(0xFFFF,)}


def tables_until(running: Running, lids: dict[int, int], wanted: set[tuple[int, ...]]) -> set[tuple[int, ...]]:
    """The tables once they are as wanted, or after ten seconds."""
    until = time.monotonic() + 10
    while True:
        found = {table.keys for table in saquery.smp_tables(running.tables(lids))}
        if found == wanted or time.monotonic() > until:
            return found
        time.sleep(0.3)
