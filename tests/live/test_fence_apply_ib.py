"""`ringfence fence …` on a real opensm: partition keys change in safe sweeps, and every port is read back."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from ringfence.cli import run
from ringfence.collect.ib_tables import TableReader
from ringfence.estate import ids
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.store.saved import save
from ringfence.wire.ibnet.tables import Seen
from tests.live.opensm import Running, fabric, host_name, port_guid

pytestmark = pytest.mark.live
HOSTS = 12
BEGINNING = "Default=0x7fff, ipoib : ALL=full;\nbackup=0x0123 : 0x{:016x}=full, 0x{:016x}=full;\n"
"""Everyone speaks with everyone, and a partition of the site's own."""

OWN = 0x0123
TWO = {1: ("a", (1, 2, 3)), 2: ("b", (4, 5))}
HANDED = {1: ("a", (1, 2)), 2: ("b", (3, 4, 5))}


def facts(jobs: Mapping[int, tuple[str, Iterable[int]]], room: Mapping[int, int]) -> list[Fact]:
    """Hosts with a port each, the subnet manager on the first, jobs. `room`: host → keys that its port holds."""
    rows = [Fact("network:ib/ib0", "sm_on", f"host:{host_name(0)}")]
    for at in range(HOSTS):
        host, port = f"host:{host_name(at)}", ids.ibport(port_guid(at))
        rows += [Fact(host, "has_port", port), Fact(port, "on_fabric", "network:ib/ib0")]
        rows.append(Fact(host, "enforced_by", f"service:{host_name(0)}/ringfence:8443"))
    for number, (tenant, on) in jobs.items():
        job = f"job:slurm/alpha/{number}"
        rows += [Fact(job, "in_cluster", "cluster:alpha"), Fact(job, "in_tenant", f"tenant:{tenant}")]
        rows += [Fact(job, "runs_on", f"host:{host_name(at)}") for at in on]
    return rows


class Lab:
    """A running fabric and the fence's commands on it."""

    def __init__(self, folder: Path, running: Running, reader: TableReader) -> None:
        assert running.opensm is not None
        self.folder, self.running, self.reader = folder, running, reader
        self.file = running.folder / "partitions.conf"
        (folder / "opensm.pid").write_text(str(running.opensm.pid))
        names = ("LD_PRELOAD", "IBSIM_SOCKNAME", "SIM_HOST")
        inside = ", ".join(f'{name} = "{running.environment[name]}"' for name in names)
        (folder / "fence.toml").write_text(
            f'[[enforcer]]\ntarget = "opensm"\nwhere = "network:ib/ib0"\nenvironment = {{ {inside} }}\n'
            f'[[enforcer.seat]]\nhost = "host:{host_name(0)}"\nfile = "{self.file}"\npid_file = "{folder}/opensm.pid"\n'
        )

    def jobs(self, jobs: Mapping[int, tuple[str, Iterable[int]]]) -> "Lab":
        save(estate_of(facts(jobs, {})), self.folder / "cluster.estate")
        return self

    def __call__(self, command: str, *more: str) -> int:
        files = {"--estate": "cluster.estate", "--site": "fence.toml", "--state": "state"}
        given = [word for name, file in files.items() for word in (name, str(self.folder / file))]
        return run(["fence", command, *more, *given, *(("--target", "opensm") if command == "apply" else ())])

    def seen(self) -> Seen:
        return self.reader.read(self.reader.places())

    def key(self, host: int) -> set[int]:
        """Keys of the jobs of a host: those that it holds as a full member."""
        return {key for key, how in self.seen().ends[port_guid(host)].items() if how == "full"} - {0x7FFF, OWN}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    beginning = BEGINNING.format(port_guid(10), port_guid(11))
    (tmp_path / "fabric").mkdir()
    with (
        fabric(tmp_path / "fabric", HOSTS, beginning) as running,
        TableReader(running.environment, str(tmp_path / "fabric")) as reader,
    ):
        yield Lab(tmp_path, running, reader).jobs(TWO)


def test_keys_are_applied_kept_handed_over_and_taken_back(lab: Lab) -> None:
    before, file = lab.seen(), lab.file.read_text()
    assert lab("apply") == 0
    assert lab.file.read_text() == file
    assert lab("apply", "--apply") == 0
    two = lab.seen()
    (one,), (other,) = lab.key(1), lab.key(4)
    assert one != other
    assert lab.key(3) == {one}
    assert lab.key(9) == set()
    assert two.ends[port_guid(10)] == two.ends[port_guid(9)] | {OWN: "full"}
    assert lab("drift") == 0
    assert lab.jobs(HANDED)("apply", "--apply") == 0
    assert (lab.key(1), lab.key(3), lab.key(4)) == ({one}, {other}, {other})
    assert lab.jobs({2: HANDED[2], 3: ("c", (7, 8))})("apply", "--apply") == 0
    assert lab.key(7).isdisjoint({one, other})
    assert lab.key(4) == {other}
    for _ in range(2):
        assert lab("undo", "--apply") == 0
    assert (lab.seen().ends, lab.seen().leaves) == (two.ends, two.leaves)
    assert lab("undo", "--apply") == 0
    assert (lab.seen().ends, lab.seen().leaves) == (before.ends, before.leaves)


def test_a_key_that_somebody_adds_is_drift_and_corrected(lab: Lab, capsys: pytest.CaptureFixture) -> None:
    assert lab("apply", "--apply") == 0
    meant = lab.seen()
    more = f"sneaked=0x0456 : 0x{port_guid(1):016x}=full, 0x{port_guid(4):016x}=full;\n"
    lab.running.apply(lab.file.read_text() + more)
    capsys.readouterr()
    assert lab("drift", "--json") == 1
    found = json.loads(capsys.readouterr().out)["drift"]
    ends = {ids.ibport(port_guid(1)), ids.ibport(port_guid(4))}
    assert {(one["kind"], one["plane"]) for one in found} == {("leak", "ib")}
    assert all({one["source"], one["target"]} == ends for one in found)
    assert "0x0456" in found[0]["because"]
    assert lab("drift", "--apply") == 0
    assert (lab.seen().ends, lab.seen().leaves) == (meant.ends, meant.leaves)
    assert "backup=0x0123" in lab.file.read_text()


def test_a_subnet_manager_that_is_gone_is_named_and_the_apply_is_completed_later(
    lab: Lab, capsys: pytest.CaptureFixture
) -> None:
    pid = lab.folder / "opensm.pid"
    real = pid.read_text()
    pid.write_text("1")
    assert lab("apply", "--apply") == 1
    assert "no opensm runs as process 1" in capsys.readouterr().err
    assert run(["fence", "status", "--state", str(lab.folder / "state")]) == 3
    assert "network:ib/ib0" in capsys.readouterr().out
    pid.write_text(real)
    assert lab("apply", "--apply") == 0
    assert len(lab.key(1) | lab.key(4)) == 2
