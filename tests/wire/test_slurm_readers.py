"""Readers of Slurm's answers and files, on recorded and on written ones."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.errors import InputError
from ringfence.wire.slurm import conf, hostlist, rest, show, small, sniff, tables, values
from tests.shared_data import shared

FIXTURES = Path(__file__).parents[1] / "fixtures" / "slurm"
READERS = {
    "json": rest.read,
    "openapi": small.openapi,
    "refused": small.refused,
    "node-text": show.read,
    "job-text": show.read,
    "partition-text": show.read,
    "config-text": conf.shown,
    "slurm-conf": conf.read,
    "slurmdbd-conf": small.slurmdbd,
    "cgroup-conf": small.cgroup,
    "gres-conf": small.gres,
    "topology-conf": small.topology,
    "topology-yaml": small.topology_yaml,
    "keys": small.keys,
    "assoc-text": tables.sacctmgr,
    "sacct-text": tables.sacct,
    "sreport-text": tables.sreport,
}


def recorded(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("gpu[0001-0003,0007]", ["gpu0001", "gpu0002", "gpu0003", "gpu0007"]),
        ("a[1-2]b[08-09]", ["a1b08", "a1b09", "a2b08", "a2b09"]),
        ("login1,gpu[9-10]", ["login1", "gpu9", "gpu10"]),
        ("", []),
    ],
)
def test_hostlists_expand_as_slurm_writes_them(text, names):
    """Padding, several brackets and plain names."""
    assert hostlist.expand(text) == names


@pytest.mark.parametrize(
    "text", ["gpu[1-0]", "gpu[1-", "gpu]1[", "gpu[a-b]", "gpu[]", "n[1-999999999999]", "a[1-999]b[1-999]", "n[[1]]"]
)
def test_hostlists_that_make_no_sense_or_too_many_names_are_refused(text):
    """A bomb is refused before it is built."""
    with pytest.raises(InputError):
        hostlist.expand(text)


@given(st.text(alphabet="gpu01-9,[] ", max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_hostlist_is_expanded_within_bounds_or_refused(text):
    """Only InputError escapes."""
    with suppress(InputError):
        assert len(hostlist.expand(text, 1000)) <= 1000


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("22.05/sinfo.json", "json"),
        ("22.05/squeue.json", "json"),
        ("22.05/sacct.json", "json"),
        ("22.05/rest-ping.json", "json"),
        ("22.05/rest-partitions.json", "json"),
        ("22.05/rest-openapi.json", "openapi"),
        ("22.05/nodes.txt", "node-text"),
        ("22.05/jobs.txt", "job-text"),
        ("22.05/partitions.txt", "partition-text"),
        ("22.05/config.txt", "config-text"),
        ("22.05/slurm.conf", "slurm-conf"),
        ("22.05/gres.conf", "gres-conf"),
        ("22.05/cgroup.conf", "cgroup-conf"),
        ("22.05/associations.txt", "assoc-text"),
        ("22.05/associations-default.txt", "assoc-text"),
        ("22.05/users.txt", "assoc-text"),
        ("22.05/accounts.txt", "assoc-text"),
        ("22.05/sacct.txt", "sacct-text"),
        ("written/slurm.conf", "slurm-conf"),
        ("written/slurmdbd.conf", "slurmdbd-conf"),
        ("written/topology.conf", "topology-conf"),
        ("written/topology.yaml", "topology-yaml"),
        ("written/munge.hash", "keys"),
        ("written/sreport.txt", "sreport-text"),
        ("written/sinfo-23.11.json", "json"),
    ],
)
def test_every_format_is_told_by_its_content(name, form):
    """The path plays no part."""
    assert sniff.form("anything", recorded(name)[:8192]) == form
    READERS[form](recorded(name))


@pytest.mark.parametrize("text", [b"", b"{}", b'{"apiVersion": "v1", "items": []}', b"root:x:0:0:root:/root:/bin/sh\n"])
def test_files_of_others_are_not_claimed(text):
    """Neither Kubernetes objects nor passwd are Slurm's."""
    assert sniff.form("slurm/nodes.json", text) == ""


def test_slurm_22_05_tells_nodes_one_by_one():
    """v0.0.38: states are words, the cluster stands with the jobs only."""
    answer = rest.read(recorded("22.05/sinfo.json"))
    assert (answer.version, answer.release) == ("v0.0.38", "22.05.8")
    assert [node.name for node in answer.nodes] == [f"gpu{at:04d}" for at in range(1, 11)]
    assert values.gpus(answer.nodes[0].gres) == 8
    assert set(answer.nodes[0].partitions) == {"train", "secure"}


def test_a_gang_of_slurm_22_05_holds_its_gpus_by_number():
    """gres_detail has one text per node."""
    answer = rest.read(recorded("22.05/squeue.json"))
    gang = next(job for job in answer.jobs if job.number == "1")
    assert (gang.user, gang.nodes, gang.runs, gang.cluster) == ("root", "gpu[0001-0002]", True, "rf")
    assert [values.gpu_indices(text) for text in gang.gres] == [[0, 1, 2, 3]] * 2
    waiting = next(job for job in answer.jobs if job.number == "2")
    assert waiting.waits
    assert waiting.depends == ("1",)


@pytest.mark.parametrize(("release", "version"), [("24.05", "0.0.41"), ("25.11", "0.0.44")])
def test_real_slurmrestd_answers_are_read_whole(release, version):
    """Versions, partitions, jobs, associations of a site's slurmrestd."""
    folder = shared(f"slurmrestd/{release}/{version}")
    nodes = rest.read((folder / "slurm-nodes.json").read_bytes())
    assert nodes.version == f"v{version}"
    assert nodes.cluster == "hpc"
    assert all(node.partitions for node in nodes.nodes)
    gang = rest.read((folder / "slurm-job-gpus-multi-nodes.json").read_bytes()).jobs[0]
    assert gang.nodes == "gpu[1-2]"
    assert [values.gpu_indices(text) for text in gang.gres] == [[0, 1, 2, 3]] * 2
    people = rest.read((folder / "slurmdb-associations.json").read_bytes()).associations
    assert ("hpc", "biology", "vhartman") in {(row.cluster, row.account, row.user) for row in people}
    assert rest.read((folder / "slurm-ping.json").read_bytes()).controllers
    refused = rest.read((folder / "slurm-jwt-invalid-token.json").read_bytes())
    assert refused.errors == ("slurm_load_jobs(): Unable to query jobs",)


def test_the_openapi_page_tells_the_versions_offered():
    """25.11 offers four."""
    page = shared("slurmrestd/25.11/openapi-v3.json").read_bytes()
    assert sniff.form("x", page[:8192]) == "openapi"
    assert small.openapi(page).versions == ("v0.0.41", "v0.0.42", "v0.0.43", "v0.0.44")


def test_slurm_22_05_does_not_tell_whether_partitions_share_nodes():
    """v0.0.38 leaves it out: neither yes nor no may be assumed."""
    rows = rest.read(recorded("22.05/rest-partitions.json")).partitions
    assert [(row.name, row.oversubscribe, row.groups) for row in rows] == [("train", "", ()), ("secure", "", ("root",))]


def test_sinfo_since_23_11_lists_groups_of_nodes():
    """Their names, partition, features and GPUs are kept."""
    answer = rest.read(recorded("written/sinfo-23.11.json"))
    assert [(node.name, node.partitions, node.gres) for node in answer.nodes] == [
        ("gpu01", ("train",), "gpu:h100:8"),
        ("gpu02", ("train",), "gpu:h100:8"),
    ]
    assert answer.partitions[0].oversubscribe == "FORCE"


def test_scontrol_says_of_nodes_and_partitions_what_the_json_says():
    """The same cluster, read both ways."""
    by_text = show.read(recorded("22.05/nodes.txt")).nodes
    by_json = rest.read(recorded("22.05/sinfo.json")).nodes
    assert [(node.name, node.gres, set(node.partitions)) for node in by_text] == [
        (node.name, node.gres, set(node.partitions)) for node in by_json
    ]
    train, secure = show.read(recorded("22.05/partitions.txt")).partitions
    assert (train.accounts, train.groups, train.exclusive) == ((), (), False)
    assert (secure.groups, secure.exclusive) == (("root",), True)


def test_a_job_name_that_imitates_another_user_is_named_not_believed():
    """The record is left out with its line; the others count."""
    shown = show.read(recorded("22.05/jobs.txt"))
    assert shown.doubtful == (1,)
    assert [(job.number, job.user) for job in shown.jobs if job.number == "2"] == [("2", "root")]


def test_scontrol_tells_the_gpus_of_every_node_of_a_job():
    """The lines `Nodes=… GRES=…` of -d."""
    honest = recorded("22.05/jobs.txt").replace(b"JobName=hello UserId=evil(0)", b"JobName=hello")
    job = show.read(honest).jobs[0]
    assert (job.nodes, job.runs) == ("gpu[0001-0002]", True)
    assert [values.gpu_indices(text) for text in job.gres] == [[0, 1, 2, 3]] * 2


def test_slurm_conf_keeps_what_its_manual_says():
    """Any case, comments, continuation, defaults, sets, includes."""
    config = conf.read(recorded("written/slurm.conf"))
    assert config.cluster == "hpc"
    assert config.values["slurmctldhost"] == ("ctl01(10.0.0.1)", "ctl02")
    assert config.get("SlurmUser") == "slurm"
    assert config.includes == ("nodes.conf",)
    assert config.sets == {"racks": "feature:nvl"}
    assert [(node.name, node.gres, node.features) for node in config.nodes[:2]] == [
        ("gpu[01-04]", "gpu:h100:8", ("hgx", "ib")),
        ("nv[1-2]", "gpu:gb200:4", ("nvl",)),
    ]
    train, nvl, everywhere = config.partitions
    assert (train.oversubscribe, train.denied) == ("FORCE", ("guests",))
    assert (nvl.accounts, nvl.exclusive) == (("vision", "speech"), True)
    assert (everywhere.nodes, everywhere.groups) == ("ALL", ("ml",))


def test_bad_slurm_conf_is_refused_with_its_line():
    """What Slurm would refuse as well: the line is told and left out, the others stand."""
    config = conf.read(b"ClusterName=x\n\nthis is prose\nNodeName=n[2-1]\nNodeName=n[1-2]\nNodeSet=s Nodes=n[\n")
    assert (config.cluster, [node.name for node in config.nodes], config.sets) == ("x", ["n[1-2]"], {})
    assert [line for line, _ in config.unread] == [3, 4, 6]
    with pytest.raises(InputError) as caught:
        conf.read(b"\nthis is prose\n")
    assert caught.value.line == 2


def test_continued_lines_of_slurm_conf_are_joined_without_a_space():
    """As slurmctld does: what is split within a word is one word again."""
    config = conf.read(b"Cluster\\\nName=hpc\nNodeName=gpu[1-\\\n4] \\\n  Gres=gpu:8\n")
    assert config.cluster == "hpc"
    assert [(node.name, node.gres) for node in config.nodes] == [("gpu[1-4]", "gpu:8")]


def test_scontrol_show_config_is_the_configuration_in_force():
    """The same keys, other spacing."""
    config = conf.shown(recorded("22.05/config.txt"))
    assert config.cluster == "rf"
    assert config.get("AuthType") == "auth/munge"
    assert config.get("SlurmUser") == "root(0)"
    assert config.get("Prolog") == ""


def test_topologies_are_read_in_all_three_forms():
    """Tree, block, and the YAML of 25.05."""
    assert small.topology(recorded("written/topology.conf")).groups["leaf2"] == ("gpu[03-04]", "")
    block = small.topology(recorded("written/topology-block.conf"))
    assert (block.kind, block.groups["block1"][0]) == ("block", "nv[1-18]")
    both = small.topology_yaml(recorded("written/topology.yaml"))
    assert (both.kind, both.groups["b1"][0], both.groups["spine"][1]) == ("mixed", "nv[1-18]", "leaf[1-2]")


def test_keys_have_mode_owner_purpose_and_no_secret():
    """One line each."""
    munge, database = small.keys(recorded("written/munge.hash")).keys
    assert (munge.purpose, oct(munge.mode), munge.owner) == ("munge", "0o400", "munge")
    assert (database.purpose, oct(database.mode)) == ("slurmdbd", "0o644")


def test_sacctmgr_names_users_accounts_operators_and_coordinators():
    """The captured columns and the default ones say the same."""
    for name in ("22.05/associations.txt", "22.05/associations-default.txt"):
        rows = tables.sacctmgr(recorded(name)).associations
        assert ("rf", "vision", "alice") in {(row.cluster, row.account, row.user) for row in rows}
    for name in ("22.05/users.txt", "22.05/users-default.txt"):
        people = {person.name: person for person in tables.sacctmgr(recorded(name)).people}
        assert people["bob"].level == "operator"
        assert people["alice"].coordinates == ("vision", "vision-eu")


def test_gpu_hours_come_from_sacct_and_sreport():
    """Steps are not counted again."""
    (used,) = tables.sacct(
        b"JobID|Account|User|AllocTRES|ElapsedRaw\n1|a|u|cpu=1,gres/gpu:h100=8,gres/gpu=8|7200\n1.0|a||gres/gpu=8|7200\n"
    ).usage
    assert (used.account, used.user, used.gpu_hours) == ("a", "u", 16.0)
    rows = tables.sreport(recorded("written/sreport.txt")).usage
    assert [(row.account, row.user, row.gpu_hours) for row in rows] == [
        ("root", "", 1500.0),
        ("vision", "", 1200.0),
        ("vision", "alice", 1000.0),
    ]
    assert (rows[0].since, rows[0].until) == ("2026-10-01T00:00:00", "2026-10-31T23:59:59")


@pytest.mark.parametrize("form", sorted(READERS))
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_damaged_files_are_refused_and_nothing_else_happens(form, data):
    """Bytes of real files, changed at random places or cut, and bytes of no file at all."""
    files = [
        path for path in sorted(FIXTURES.rglob("*")) if path.suffix in (".json", ".txt", ".conf", ".yaml", ".hash")
    ]
    content = bytearray(data.draw(st.sampled_from(files)).read_bytes()[: data.draw(st.integers(1, 4000))])
    for _ in range(data.draw(st.integers(0, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    for attempt in (bytes(content), data.draw(st.binary(max_size=200))):
        sniff.form("x", attempt)
        with suppress(InputError):
            READERS[form](attempt)


def test_a_mig_profile_numbers_slices_and_another_type_numbers_gpus():
    """Slurm counts devices; only the type says which."""
    assert values.gpu_names("gpu:1g.5gb:2(IDX:0-1)") == ["mig/0", "mig/1"]
    assert values.gpu_names("gpu:a100_3g.20gb:1(IDX:2),gpu:h100:1(IDX:7)") == ["mig/2", "7"]
