"""What a real slurmctld has in force, read back by `ringfence fence drift -o`, lets the constraint check pass."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringfence.cli import run
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.store.saved import load, save
from tests.live.slurm import Slurm, running

pytestmark = pytest.mark.live
CLUSTER, DOMAIN = "cluster:rf", "nvlink:gpu0001/0"


@pytest.fixture
def cluster() -> Iterator[Slurm]:
    with running(nodes=2, accounting=True) as started:
        started.ask("sacctmgr", "-i", "add", "account", "nlp", "Description=n", "Organization=lab")
        yield started


def facts() -> Iterator[Fact]:
    """Two nodes, each a tenant's own by a partition that it may submit to; the first has two GPUs behind one NVLink."""
    yield from (Fact("host:head", "enforced_by", "service:head/ringfence:8443"), Fact("host:head", "controls", CLUSTER))
    for at, tenant in ((1, "vision"), (2, "nlp")):
        host, partition = f"host:gpu000{at}", f"partition:rf/p{at}"
        yield from (Fact(host, "in_cluster", CLUSTER), Fact(host, "in_partition", partition))
        yield from (Fact(partition, "in_cluster", CLUSTER), Fact(partition, "setting", f"nodes=gpu000{at}"))
        yield Fact(partition, "setting", "OverSubscribe=NO")
        yield from (Fact(one, "may_submit", partition) for one in (f"tenant:{tenant}", f"identity:{tenant}"))
        yield Fact(f"identity:{tenant}", "in_tenant", f"tenant:{tenant}")
    for gpu in ("gpu:a", "gpu:b"):
        yield from (Fact("host:gpu0001", "has_gpu", gpu, {"index": 0}), Fact(gpu, "nvlink_member", DOMAIN))


def test_a_constraint_is_in_force_when_it_was_read_back_and_not_before(
    cluster: Slurm, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """Proven it is unknown; applied and read back it passes; it fails when somebody lets another tenant in."""
    estate, site = tmp_path / "c.estate", tmp_path / "fence.toml"
    save(estate_of(facts()), estate)
    site.write_text(f'[[enforcer]]\ntarget = "slurm"\nwhere = "{CLUSTER}"\nslurm_conf = "{cluster.conf}"\n')
    at = ["--estate", str(estate)]
    fence = [*at, "--site", str(site), "--state", str(tmp_path / "state")]

    def verdict() -> tuple[str, set[object]]:
        capsys.readouterr()
        run(["audit", *at, "--check", "RF-G30", "--json"])
        (check,) = json.loads(capsys.readouterr().out)["checks"]
        by = {fact.attributes["by"] for fact in load(estate).facts("constraint_in_force")}
        return next(one for one in ("failed", "unknown", "passed") if check[one]), by

    assert run(["fence", "prove", *at, "--target", "slurm", "-o", str(estate)]) == 0
    assert verdict() == ("unknown", {"proof"})
    assert run(["fence", "apply", *fence, "--target", "slurm", "--apply"]) == 0
    assert run(["fence", "drift", *fence, "-o", str(estate)]) == 0
    assert verdict() == ("passed", {"proof", "read-back"})
    for line in cluster.ask("scontrol", "-o", "show", "reservation").splitlines():
        cluster.ask("scontrol", "delete", line.split()[0])
    cluster.ask("scontrol", "update", "PartitionName=rf-nlp", "Nodes=gpu[0001-0002]")
    assert run(["fence", "drift", *fence, "-o", str(estate)]) == 1
    assert verdict() == ("failed", {"proof", "read-back"})
