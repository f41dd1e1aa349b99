"""Slurm's files as facts: what a capture of a cluster says, and what it leaves open."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.collect import slurm, slurm_hooks
from ringfence.collect.base import CapturedFile, Scope
from ringfence.collect.slurm_live import live_rest
from ringfence.errors import Problem, UsageError
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import PREDICATES, kind_of
from tests.shared_data import shared

FIXTURES = Path(__file__).parents[1] / "fixtures" / "slurm"
SCOPE = Scope(salt=b"salt")


def collected(files: dict[str, str | bytes], scope: Scope = SCOPE) -> tuple[set[tuple[str, str, str]], list[Problem]]:
    """(facts without source, problems) of files by path."""
    captured = [
        CapturedFile(path, data if isinstance(data, bytes) else data.encode(), 1.0) for path, data in files.items()
    ]
    assert all(slurm.recognise(file.path, file.head) for file in captured)
    facts, problems = set(), []
    for found in slurm.collect("slurm", captured, scope):
        if isinstance(found, Problem):
            problems.append(found)
            continue
        row = PREDICATES[found.predicate]
        assert row.subject == ("any",) or kind_of(found.subject) in row.subject, found
        assert row.object in (("value",), ("any",)) or kind_of(found.object) in row.object, found
        assert found.source
        facts.add((found.subject, found.predicate, found.object))
    return facts, problems


def folder(name: str, *without: str) -> dict[str, str | bytes]:
    return {
        f"slurm/{path.name}": path.read_bytes()
        for path in sorted((FIXTURES / name).iterdir())
        if path.name not in without
    }


def test_a_recorded_cluster_becomes_hosts_partitions_jobs_and_people():
    """Slurm 22.05 with ten nodes, from its own commands."""
    facts, problems = collected(folder("22.05"))
    assert {subject for subject, predicate, _ in facts if predicate == "in_partition"} == {
        f"host:gpu{at:04d}" for at in range(1, 11)
    }
    assert {
        ("host:gpu0001", "in_cluster", "cluster:rf"),
        ("host:gpu0001", "setting", "gpus=8"),
        ("host:ctl01", "controls", "cluster:rf"),
        ("job:slurm/rf/1", "runs_on", "host:gpu0002"),
        ("job:slurm/rf/1", "uses_gpu", "gpu:gpu0002/3"),
        ("job:slurm/rf/1", "runs_as", "identity:root"),
        ("job:slurm/rf/2", "depends_on", "job:slurm/rf/1"),
        ("identity:alice", "in_tenant", "tenant:vision"),
        ("identity:bob", "operates", "cluster:rf"),
        ("identity:alice", "coordinates", "tenant:vision-eu"),
        ("identity:group/root", "may_submit", "partition:rf/secure"),
        ("partition:rf/secure", "setting", "nodes=exclusive"),
        ("partition:rf/train", "setting", "nodes=shared"),
        ("cluster:rf", "setting", "devices=unconstrained"),
        ("cluster:rf", "setting", "AuthType=auth/munge"),
    } <= facts
    assert not any("identity:evil" in fact for fact in facts)
    assert [problem.file for problem in problems] == ["slurm/jobs.txt"]


def test_nodes_on_one_machine_are_not_taken_for_each_other():
    """Ten slurmd share a host name; none of them is `same_as` it."""
    facts, _ = collected(folder("22.05"))
    assert not any(predicate == "same_as" for _, predicate, _ in facts)


def test_a_node_whose_host_name_differs_is_known_by_both():
    """Where exactly one node has that host name."""
    text = "NodeName=n1 Arch=x86_64 CoresPerSocket=1 CPUAlloc=0 NodeHostName=gpu-a State=IDLE Partitions=p\n"
    facts, _ = collected({"clusters/x/nodes.txt": text})
    assert ("host:n1", "same_as", "host:gpu-a") in facts


def test_a_site_configuration_tells_who_may_submit_and_what_root_runs():
    """Defaults, sets and accounts that are denied."""
    files = folder("written", "sinfo-23.11.json", "slurmdbd.conf", "sreport.txt")
    files["slurm/associations.txt"] = (
        "Cluster|Account|User|Partition|ParentName|Share\nhpc|vision||||1\nhpc|guests||||1\nhpc|vision|alice|||1\n"
    )
    facts, problems = collected(files)
    assert {
        ("tenant:vision", "may_submit", "partition:hpc/train"),
        ("tenant:speech", "may_submit", "partition:hpc/nvl"),
        ("host:nv2", "in_partition", "partition:hpc/nvl"),
        ("host:gpu04", "in_partition", "partition:hpc/all"),
        ("host:nv1", "in_partition", "partition:hpc/all"),
        ("cluster:hpc", "setting", "hook=/scratch/tools/health.sh"),
        ("cluster:hpc", "setting", "devices=unconstrained"),
        ("cluster:hpc", "setting", "SwitchType=switch/nvidia_imex"),
        ("cluster:hpc", "setting", "AuthAltTypes=auth/jwt"),
        ("identity:slurm", "operates", "cluster:hpc"),
        ("host:ctl02", "controls", "cluster:hpc"),
        ("host:gpu03", "labelled", "topology=leaf2"),
    } <= facts
    assert ("tenant:guests", "may_submit", "partition:hpc/train") not in facts
    assert ("identity:*", "may_submit", "partition:hpc/train") not in facts
    assert not any(subject == "host:spare1" for subject, _, _ in facts)
    assert any("nodes.conf" in problem.what for problem in problems)


def test_without_enforcement_a_partition_open_to_all_is_open_to_everyone():
    """Unknown is never safe."""
    text = (FIXTURES / "22.05" / "partitions.txt").read_bytes()
    facts, _ = collected({"rf/partitions.txt": text})
    assert ("identity:*", "may_submit", "partition:rf/train") in facts


def test_the_key_of_the_controller_is_the_one_in_force():
    """A stale copy elsewhere opens nothing; who may read each follows from its mode."""
    line = "{mode} munge sha256:{digest} /etc/munge/munge.key\n"
    facts, _ = collected(
        {
            "slurm/slurm.conf": "ClusterName=rf\nSlurmctldHost=ctl01\n",
            "hosts/ctl01/munge.hash": line.format(mode="0400", digest="a" * 64),
            "hosts/login01/munge.hash": line.format(mode="0644", digest="a" * 64),
            "hosts/old01/munge.hash": line.format(mode="0400", digest="b" * 64),
        }
    )
    now, stale = f"credential:munge/{'a' * 32}", f"credential:munge/{'b' * 32}"
    assert (now, "scheduler_key", "cluster:rf") in facts
    assert (stale, "scheduler_key", "cluster:rf") not in facts
    assert {
        ("host:login01", "stores_credential", now),
        ("host:old01", "stores_credential", stale),
        ("host:login01", "asked", "scheduler-key"),
    } <= facts


def test_the_database_password_is_never_in_a_fact():
    """Not even where somebody copied slurmdbd.conf whole."""
    facts, _ = collected({"slurm/slurmdbd.conf": (FIXTURES / "written" / "slurmdbd.conf").read_bytes()})
    assert any(predicate == "stores_credential" for _, predicate, _ in facts)
    assert "not-to-be-seen" not in repr(facts)


def test_two_clusters_of_one_capture_stay_apart():
    """A file that names no cluster belongs to the one of its folder."""
    cgroup = "ConstrainDevices={}\n"
    facts, _ = collected(
        {
            "clusters/a/slurm.conf": "ClusterName=a\nSlurmctldHost=x\n",
            "clusters/b/slurm.conf": "ClusterName=b\nSlurmctldHost=y\n",
            "clusters/a/cgroup.conf": cgroup.format("yes"),
            "clusters/b/cgroup.conf": cgroup.format("no"),
        }
    )
    assert ("cluster:a", "setting", "ConstrainDevices=yes") in facts
    assert ("cluster:b", "setting", "devices=unconstrained") in facts
    assert ("cluster:a", "setting", "devices=unconstrained") not in facts


def test_hooks_on_a_mount_are_joined_with_its_storage():
    """A hook on a host's own disk is not."""
    facts = [
        Fact("cluster:rf", "setting", "hook=/scratch/tools/health.sh", {"hook": "HealthCheckProgram"}),
        Fact("cluster:rf", "setting", "hook=/etc/slurm/prolog", {"hook": "Prolog"}),
        Fact("host:gpu1", "in_cluster", "cluster:rf"),
        Fact("host:gpu1", "mounts", "storage:nfs1:/scratch", {"path": "/scratch"}),
        Fact("host:other", "mounts", "storage:nfs1:/etc", {"path": "/etc/slurm"}),
    ]
    (found,) = slurm_hooks.on_storage(facts)
    assert (found.subject, found.predicate, found.object) == ("cluster:rf", "root_runs_from", "storage:nfs1:/scratch")
    assert found.attributes["hook"] == "HealthCheckProgram"


@pytest.mark.parametrize("release", ["24.05", "25.11"])
def test_a_real_site_maps_into_one_cluster(release):
    """All of a slurmrestd's answers, with their refusals as problems."""
    files = {
        f"slurm/{path.name}": path.read_bytes()
        for path in sorted(shared(f"slurmrestd/{release}").rglob("slurm*.json"))
        if slurm.recognise(path.name, path.read_bytes()[:8192])
    }
    facts, problems = collected(files)
    assert {target for _, predicate, target in facts if predicate == "in_cluster"} == {"cluster:hpc"}
    assert ("host:gpu2", "in_cluster", "cluster:hpc") in facts or release == "24.05"
    assert any(predicate == "uses_gpu" for _, predicate, _ in facts)
    assert all("could not tell" in problem.what for problem in problems)


def test_names_in_files_cannot_carry_control_characters_into_ids():
    """Nor escape sequences into a terminal."""
    row = {"name": "gpu1\u001b[31m", "partitions": ["p\u202e"], "state": ["IDLE"], "gres": "gpu:8\n", "gres_used": ""}
    data = msgspec.json.encode({"nodes": [row], "meta": {"slurm": {"cluster": "c\u0007"}}})
    facts, _ = collected({"slurm/nodes.json": data})
    assert not any(letter in term for fact in facts for term in fact for letter in "\x1b\x07\u202e\n")


def test_a_job_that_claims_all_names_there_are_is_a_problem_not_a_hang():
    """Every hostlist is within bounds, and so is their sum."""
    row = {"job_id": 1, "user_name": "u", "job_state": ["RUNNING"], "nodes": "n[1-190000]", "gres_detail": []}
    rows = [dict(row, job_id=at) for at in range(50)]
    _, problems = collected({"slurm/jobs.json": msgspec.json.encode({"jobs": rows, "meta": {}})})
    assert [problem.what for problem in problems] == ["its hostlists stand for too many nodes"]


def test_ten_thousand_nodes_and_their_jobs_are_collected_whole():
    """80,000 accelerators held by 1,250 gangs."""
    nodes = [
        {"name": f"gpu{at:05d}", "hostname": f"gpu{at:05d}", "gres": "gpu:h100:8", "gres_used": "", "state": ["IDLE"]}
        | {"partitions": ["train"], "features": ["hgx"], "version": "24.05.3"}
        for at in range(10_000)
    ]
    jobs = [
        {"job_id": at, "user_name": f"u{at % 99}", "account": "a", "job_state": ["RUNNING"]}
        | {"nodes": f"gpu[{at * 8:05d}-{at * 8 + 7:05d}]", "gres_detail": ["gpu:h100:8(IDX:0-7)"] * 8}
        for at in range(1_250)
    ]
    facts, _ = collected(
        {
            "slurm/nodes.json": msgspec.json.encode({"nodes": nodes}),
            "slurm/jobs.json": msgspec.json.encode({"jobs": jobs}),
        }
    )
    assert len(facts) > 140_000


@pytest.mark.parametrize("url", ["http://slurm.example:6820", "ftp://127.0.0.1", "file:///etc/passwd", "slurm:6820"])
def test_a_token_is_not_sent_in_clear_over_a_network(url):
    """TLS, loopback or a Unix socket, nothing else."""
    with pytest.raises(UsageError):
        next(live_rest(url, "token"))


def test_a_slurmrestd_that_is_not_there_is_a_problem():
    """Nothing hangs, nothing is raised."""
    pytest.importorskip("httpx", reason="missing-part: httpx (pip install ringfence[live])")
    (problem,) = live_rest("unix:/nowhere/slurmrestd.socket")
    assert isinstance(problem, Problem)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_is_in_the_files_the_collector_goes_on(data):
    """Changed bytes of recorded files give facts or problems, and no exception."""
    paths = sorted(path for name in ("22.05", "written") for path in (FIXTURES / name).iterdir())
    files = []
    for path in data.draw(st.lists(st.sampled_from(paths), min_size=1, max_size=4)):
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(0, 5))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        files.append(CapturedFile(f"slurm/{path.name}", bytes(content), 1.0))
    known = [file for file in files if slurm.recognise(file.path, file.head)]
    for found in slurm.collect("slurm", known, SCOPE):
        assert isinstance(found, (Fact, Problem))


def test_a_bad_line_of_slurm_conf_is_a_problem_and_the_rest_stays():
    """Told with its line; what was asked is answered, but not wholly."""
    text = "ClusterName=c\nthis is prose\nNodeName=n[2-1]\nNodeName=n[1-2]\n"
    found = list(slurm.collect("slurm", [CapturedFile("slurm/slurm.conf", text.encode(), 1.0)], SCOPE))
    assert [(each.file, each.line) for each in found if isinstance(each, Problem)] == [
        ("slurm/slurm.conf", 2),
        ("slurm/slurm.conf", 3),
    ]
    facts = [each for each in found if isinstance(each, Fact)]
    assert {fact.subject for fact in facts if fact.predicate == "in_cluster"} == {"host:n1", "host:n2"}
    (answer,) = (fact for fact in facts if (fact.predicate, fact.object) == ("asked", "slurm-conf"))
    assert answer.attributes["answered"]
    assert not answer.attributes.get("complete")
    assert answer.attributes["reason"] == "lines of it could not be read"


def test_partitions_and_jobs_that_were_told_are_coverage():
    """A partition whose sharing is said is answered for; jobs only where some are listed."""
    text = "ClusterName=c\nPartitionName=batch Nodes=n1 OverSubscribe=EXCLUSIVE\n"
    facts = list(slurm.collect("slurm", [CapturedFile("slurm/slurm.conf", text.encode(), 1.0)], SCOPE))
    answered = {(f.subject, f.object) for f in facts if isinstance(f, Fact) and f.attributes.get("answered")}
    assert ("partition:c/batch", "oversubscribe") in answered
    assert ("cluster:c", "jobs") not in answered


def test_a_job_without_a_scratch_folder_of_its_own_is_the_default():
    """Unless the setting has its newer name."""
    old, new = (
        {
            fact.object
            for fact in slurm.collect("slurm", [CapturedFile("slurm/slurm.conf", text.encode(), 1.0)], SCOPE)
            if isinstance(fact, Fact) and fact.predicate == "setting"
        }
        for text in ("ClusterName=c\n", "ClusterName=c\nNamespaceType=namespace/linux\n")
    )
    assert "JobContainerType=job_container/none" in old
    assert "NamespaceType=namespace/linux" in new
    assert "JobContainerType=job_container/none" not in new


def test_a_cluster_without_an_epilog_says_so():
    """Nothing runs after a job; what an included file sets cannot be told from here."""
    for text, none in (("", True), ("Epilog=/etc/epilog\n", False), ("Include more.conf\n", False)):
        facts, _ = collected({"slurm/slurm.conf": "ClusterName=c\nNodeName=n1\n" + text})
        assert (("cluster:c", "setting", "Epilog=none") in facts) is none


def test_jobs_are_told_whole_only_with_account_and_accelerators():
    """A job whose account or devices were not said may be any tenant's, anywhere."""
    whole = {"job_id": 1, "account": "red", "nodes": "n1", "job_state": ["RUNNING"], "gres_detail": ["gpu:1(IDX:0)"]}
    for change, complete in (({}, True), ({"account": ""}, False), ({"gres_detail": ["gpu:1"]}, False)):
        data = msgspec.json.encode({"meta": {"slurm": {"cluster": "c"}}, "jobs": [whole | change]})
        found = slurm.collect("slurm", [CapturedFile("slurm/jobs.json", data, 1.0)], SCOPE)
        (answer,) = (f for f in found if isinstance(f, Fact) and f.predicate == "asked" and f.object == "jobs")
        assert answer.attributes.get("complete", False) is complete
