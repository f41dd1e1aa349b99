"""`ringfence fence apply` by other ways: signed orders to a node's enforcer, a real sshd, a stand-in for UFM."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringfence.app.fence.run import seen
from ringfence.app.fence.steps import Step, digest_of
from ringfence.cli import run
from ringfence.collect.ib_tables import TableReader
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.segment.prove.pods import prove_pods
from ringfence.store.saved import save
from tests.live.netns import Namespace
from tests.live.opensm import fabric, host_name, port_guid
from tests.live.sshd import listening
from tests.live.test_enforcer import Fence, apart  # noqa: F401  (a fixture)
from tests.live.test_fence_apply_ib import HANDED, HOSTS, OWN, TWO, facts
from tests.live.test_kubernetes_fence import ARTEFACT, FENCE, KNOWN, LAB, a_policy, cluster  # noqa: F401  (a fixture)
from tests.live.ufm_stand_in import ufm_stand_in

pytestmark = pytest.mark.live
NODE = "host:gpu0001"


def command(folder: Path, verb: str, *more: str) -> int:
    files = {"--estate": "cluster.estate", "--site": "fence.toml", "--state": "state"}
    return run(["fence", verb, *more, *(word for name, file in files.items() for word in (name, str(folder / file)))])


def of_two(*more: Fact) -> list[Fact]:
    """Two hosts that obey Ringfence, in one job."""
    rows = list(more)
    for at in (1, 2):
        rows.append(Fact(f"host:gpu000{at}", "enforced_by", "service:gpu0001/ringfence:8443"))
        rows.append(Fact(f"host:gpu000{at}", "attached_to", "network:10.0.0.0/24", {"address": f"10.0.0.{at}"}))
        rows.append(Fact("job:slurm/alpha/7", "runs_on", f"host:gpu000{at}"))
    return [*rows, Fact("job:slurm/alpha/7", "in_cluster", "cluster:alpha")]


def test_hosts_are_reached_by_orders_and_one_that_is_not_connected_stops_it(
    apart: tuple[Fence, Namespace],  # noqa: F811
    capsys: pytest.CaptureFixture,
) -> None:
    fence, host = apart
    with host.entered():
        fence.join("gpu0001")
    settings = fence.folder / "gpu0001" / "settings.toml"
    spent = fence.folder / "gpu0001" / "spent.json"
    settings.write_text(settings.read_text() + f'[[enforcer]]\ntarget = "nftables"\nspent = "{spent}"\n')
    fence.start("gpu0001", real=True)
    save(estate_of(of_two()), fence.folder / "cluster.estate")
    site = f'[[enforcer]]\ntarget = "nftables"\nwhere = "*"\norders = "{fence.home.folder}"\n'
    (fence.folder / "fence.toml").write_text(site)
    assert command(fence.folder, "apply", "--apply", "--target", "nftables") == 1
    assert "host:gpu0002 is not connected" in capsys.readouterr().err
    assert "ringfence" not in host.run("nft", "list", "ruleset")
    (fence.folder / "fence.toml").write_text(site.replace("*", NODE))
    assert command(fence.folder, "apply", "--apply", "--target", "nftables") == 3
    assert "10.0.0.2" in host.run("nft", "list", "table", "inet", "ringfence")
    assert fence.ask("gpu0001", "wait-job", job="7").verdict == "allow"
    assert command(fence.folder, "undo", "--apply") == 0
    assert "ringfence" not in host.run("nft", "list", "ruleset")


def test_what_others_allow_in_a_cluster_is_seen_as_drift(cluster) -> None:  # noqa: F811
    api, enforcer, _ = cluster()
    enforcer.apply(ARTEFACT)
    step = Step(0, 0, "kubernetes", LAB, ARTEFACT, digest_of(ARTEFACT), (LAB,))
    (found,) = seen([step], {("kubernetes", LAB): enforcer})[0]["kubernetes"]
    assert prove_pods(FENCE, KNOWN, [found], ()).holds
    api.put(a_policy("red", "their-own"), "somebody")
    (found,) = seen([step], {("kubernetes", LAB): enforcer})[0]["kubernetes"]
    assert {one.kind for one in prove_pods(FENCE, KNOWN, [found], ()).differences} == {"leak"}


def test_a_real_sshd_lets_in_whom_the_policy_names_and_all_after_an_undo(tmp_path: Path) -> None:
    with listening() as server:
        (tmp_path / "sshd.pid").write_text(str(server.pid))
        (tmp_path / "fence.toml").write_text(
            f'[[enforcer]]\ntarget = "sshd"\nwhere = "{NODE}"\nmain = "{server.main}"\n'
            f'drop_in = "{server.drop_in}"\npid_file = "{tmp_path}/sshd.pid"\n'
        )
        save(estate_of(of_two()), tmp_path / "cluster.estate")
        assert command(tmp_path, "apply", "--target", "sshd") == 3
        assert server.lets_in("root", "127.0.0.2")
        assert command(tmp_path, "apply", "--apply", "--target", "sshd") == 3
        server.wait_until_listening()
        assert not server.lets_in("root", "127.0.0.2")
        assert command(tmp_path, "drift") == 3
        server.drop_in.write_text("AllowUsers root\n")
        assert command(tmp_path, "drift") == 1
        assert command(tmp_path, "drift", "--apply") == 3
        for _ in range(2):
            assert command(tmp_path, "undo", "--apply") == 0
        server.wait_until_listening()
        assert server.lets_in("root", "127.0.0.2")


@pytest.fixture
def ufm(tmp_path: Path) -> Iterator[tuple[Path, TableReader]]:
    """A stand-in for UFM, not UFM, over a real opensm; it has a partition of its own."""
    own = {OWN: {port_guid(10): "full", port_guid(11): "full"}}
    (tmp_path / "fabric").mkdir()
    (tmp_path / "token").write_text(base64.b64encode(b"admin:123456").decode())
    with (
        fabric(tmp_path / "fabric", HOSTS, "Default=0x7fff : ALL=limited, SELF=full;\n") as running,
        TableReader(running.environment, str(tmp_path / "fabric")) as reader,
        ufm_stand_in(running, own) as (_, url),
    ):
        names = ("LD_PRELOAD", "IBSIM_SOCKNAME", "SIM_HOST")
        inside = ", ".join(f'{name} = "{running.environment[name]}"' for name in names)
        (tmp_path / "fence.toml").write_text(
            f'[[enforcer]]\ntarget = "ufm"\nwhere = "network:ib/ib0"\nurl = "{url}"\n'
            f'token_file = "{tmp_path}/token"\nkeys = "{tmp_path}/ours.json"\nenvironment = {{ {inside} }}\n'
        )
        yield tmp_path, reader


def test_ufms_keys_are_applied_handed_over_and_taken_back(ufm: tuple[Path, TableReader]) -> None:
    folder, reader = ufm
    service = f"service:{host_name(0)}/ufm:443"
    more = [Fact(service, "runs_on", f"host:{host_name(0)}"), Fact(service, "service_kind", "ufm")]
    save(estate_of([*facts(TWO, {}), *more]), folder / "cluster.estate")
    assert command(folder, "apply", "--apply", "--target", "ufm") == 0
    two = reader.read(reader.places())
    (one,) = {key for key, how in two.ends[port_guid(1)].items() if how == "full"}
    assert one in two.ends[port_guid(3)]
    assert two.ends[port_guid(10)][OWN] == "full"
    assert command(folder, "drift") == 0
    save(estate_of([*facts(HANDED, {}), *more]), folder / "cluster.estate")
    assert command(folder, "apply", "--apply", "--target", "ufm") == 0
    assert one not in reader.read(reader.places()).ends[port_guid(3)]
    assert command(folder, "undo", "--apply") == 0
    assert reader.read(reader.places()).ends == two.ends
    assert command(folder, "undo", "--apply") == 0
    left = reader.read(reader.places())
    assert left.keys() == {OWN}
    assert left.ends[port_guid(10)][OWN] == "full"
