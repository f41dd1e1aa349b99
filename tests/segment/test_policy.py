"""What is derived from an estate: each need, and nothing that no need asks for."""

import random
from functools import cache

import pytest

from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.segment.model import Policy
from ringfence.segment.permits import Permits
from ringfence.segment.policy import derive_policy
from ringfence.synth import Cluster, draw, facts, story
from ringfence.synth.traffic import traffic


@cache
def plan() -> Cluster:
    """A cluster of forty nodes with one rack, run with care."""
    return draw(40, 3)


@cache
def said() -> tuple[Fact, ...]:
    return tuple(facts(plan()))


@cache
def policy() -> Policy:
    return derive_policy(estate_of(said()))


@cache
def told() -> Policy:
    """The policy of the story."""
    return derive_policy(estate_of(story.story()))


def test_the_policy_is_a_function_of_the_estate_however_its_facts_came() -> None:
    shuffled = list(said())
    random.Random(7).shuffle(shuffled)
    assert derive_policy(estate_of(shuffled)) == policy()


@pytest.mark.parametrize("part", [2, 5])
def test_jobs_that_came_and_went_leave_no_trace(part: int) -> None:
    mine = [fact for fact in said() if fact.subject.startswith("job:")][::part]
    estate: Estate = estate_of(said())
    less = estate.with_delta(removed=mine)
    assert derive_policy(less) == derive_policy(estate_of([fact for fact in said() if fact not in mine]))
    assert derive_policy(less.with_delta(added=mine)) == policy()


def opened(found: Policy, plane: str, source: str, target: str) -> set[str]:
    """What may pass from one endpoint to another."""
    return {
        allow.what
        for allow in found.on(plane)
        if source in found.groups[allow.source].on(plane) and target in found.groups[allow.target].on(plane)
    }


def targets(found: Policy, plane: str, source: str) -> set[tuple[str, str]]:
    """(endpoint, what) that an endpoint may reach."""
    return {
        (end, allow.what)
        for allow in found.on(plane)
        if source in found.groups[allow.source].on(plane)
        for end in found.groups[allow.target].on(plane)
    }


def test_every_allow_names_groups_that_have_endpoints_there_and_says_why() -> None:
    for allow in told().allows:
        assert told().groups[allow.source].on(allow.plane), allow
        assert told().groups[allow.target].on(allow.plane), allow
        assert allow.why


# the story


def test_the_researchers_workstation_reaches_the_login_hosts_and_nothing_else() -> None:
    desk = next(
        f"network:{fact.attributes['address']}/32"
        for fact in story.story()
        if (fact.subject, fact.predicate) == (story.WORKSTATION, "attached_to")
    )
    assert targets(told(), "ip", desk) == {(f"host:login0{number}", "tcp/22") for number in range(1, 5)}


def test_a_colleagues_key_opens_nothing_away_from_her_own_workstation() -> None:
    ends = {end for group in told().groups.values() for end in group.on("login")}
    mine = [end for end in ends if end.startswith(f"identity:{story.COLLEAGUE}@")]
    assert len(mine) == 1
    assert mine[0].partition("@")[2].startswith("10.200.")


def test_a_user_whose_key_is_kept_well_looks_into_her_own_job_and_no_other() -> None:
    plan = story.plan()
    keeper = next(job for job in plan.jobs if job.user not in (story.RESEARCHER, story.COLLEAGUE))
    from_login = next(
        end
        for group in told().groups.values()
        for end in group.on("login")
        if end.startswith(f"identity:{keeper.user}@") and "@10.200." not in end
    )
    own = {f"host:{name}" for job in plan.jobs if job.user == keeper.user for name in job.hosts}
    assert {end for end, _ in targets(told(), "login", from_login)} == own


def test_no_two_gangs_of_the_rack_share_a_channel() -> None:
    trays = {f"host:{name}": job.number for job in story.plan().jobs for name in job.hosts if name.startswith("nvl01-")}
    assert len(set(trays.values())) > 3
    for source in trays:
        assert {trays[end] for end, _ in targets(told(), "imex", source)} <= {trays[source]}


def test_ports_reach_their_gang_their_file_servers_and_the_subnet_manager() -> None:
    plan = story.plan()
    estate = estate_of(story.story())
    ports = {fact.object: fact.subject for fact in estate.facts("has_port")}
    gang = {f"host:{name}": job.number for job in plan.jobs for name in job.hosts}
    for port, host in list(ports.items())[::97]:
        others = {ports[end] for end, _ in targets(told(), "ib", port)} - {host}
        if host in gang:
            peers = {other for other in others if other in gang}
            assert {gang[other] for other in peers} <= {gang[host]}
            assert all(other.startswith(("host:nfs-", "host:sm")) for other in others - peers)


def test_the_open_tracking_server_is_for_those_whose_models_it_keeps() -> None:
    plan = story.plan()
    server = f"host:{story.TRACKING}"
    served = {line.name for line in plan.pipelines if line.tenant in ("t03", "t04")}
    users = {
        f"host:{name}" for job in plan.jobs if job.pipeline in served and job.stage == "train" for name in job.hosts
    }
    serving = {f"host:{pod.host}" for pod in plan.pods if pod.pipeline in served}
    groups = told().groups
    kept = {
        allow.source
        for allow in told().on("ip")
        if "mlflow" in allow.target and server in groups[allow.target].on("ip")
    }
    clients = {end for name in kept for end in groups[name].on("ip")}
    assert clients == users | serving


def test_not_one_jobs_own_traffic_is_cut() -> None:
    permits = Permits(told())
    uses = list(traffic(story.plan()))
    assert {use.plane for use in uses} == {"ip", "ib", "nvlink", "imex", "storage", "scheduler", "login"}
    assert not [use for use in uses if not permits.rule(use.plane, use.source, use.target, use.what)]


def test_the_message_tree_is_open_only_where_slurm_conf_makes_one() -> None:
    assert not [one for one in told().allows if (one.source, one.target) == ("nodes:alpha", "nodes:alpha")]
    wide = "setting", "TreeWidth=65533"
    facts = [fact for fact in story.story() if (fact.predicate, fact.object) != wide]
    tree = [
        one
        for one in derive_policy(estate_of(facts)).allows
        if (one.source, one.target) == ("nodes:alpha", "nodes:alpha")
    ]
    assert [one.what for one in tree] == ["tcp/6818"]


def test_login_hosts_mount_homes_and_no_data() -> None:
    folders = {end for end, _ in targets(told(), "storage", "host:login01")}
    assert not [end for end in folders if "/proj/" in end]
    assert "storage:nfs-home01:/export/home/res-017" in folders


def test_operators_reach_every_host_from_their_own_machines_only() -> None:
    operators = next(group for name, group in told().groups.items() if name.startswith("operators:"))
    assert len(operators.on("ip")) == len([user for user in story.plan().users if user.role == "operator"])
    assert len(targets(told(), "ip", operators.on("ip")[0])) == len(story.plan().hosts)


def test_controllers_are_for_the_management_host() -> None:
    sources = {allow.source for allow in told().on("ip") if allow.target == "controllers"}
    assert [told().groups[name].on("ip") for name in sources] == [("host:mgmt01",)]


def test_tenants_start_work_where_the_scheduler_lets_them() -> None:
    plan = story.plan()
    rooms = {host.partition for host in plan.hosts if host.tenant == "t01"}
    shared = plan.flawed("shared_partition", "t01")
    wanted = {
        f"host:{host.name}" for host in plan.hosts if host.partition in rooms or (shared and host.partition == "shared")
    }
    assert {end for end, _ in targets(told(), "scheduler", "tenant:t01")} == wanted


# small clusters


def small(*more: tuple[str, str, str]) -> list[Fact]:
    """Two nodes of a Slurm cluster with a job each, of two tenants."""
    rows = [
        ("partition:c/p", "in_cluster", "cluster:c"),
        ("host:ctl", "controls", "cluster:c"),
        *((f"host:{name}", "in_cluster", "cluster:c") for name in "ab"),
        *((f"job:slurm/c/{number}", "in_cluster", "cluster:c") for number in (1, 2)),
        ("job:slurm/c/1", "runs_on", "host:a"),
        ("job:slurm/c/2", "runs_on", "host:b"),
        ("job:slurm/c/1", "in_tenant", "tenant:x"),
        ("job:slurm/c/2", "in_tenant", "tenant:y"),
        *more,
    ]
    return [Fact(*row) for row in rows]


def derived(*more: tuple[str, str, str]) -> Policy:
    return derive_policy(estate_of(small(*more)))


def whys(found: Policy) -> str:
    return "\n".join(f"{one.source} → {one.target}: {one.why}" for one in found.residuals)


def test_nodes_of_two_tenants_meet_at_slurmd_where_messages_go_down_a_tree_and_else_nowhere() -> None:
    assert ("host:ctl", "tcp/6817") in targets(derived(), "ip", "host:a")
    assert opened(derived(), "ip", "host:a", "host:b") == set()
    narrow = derived(("cluster:c", "setting", "TreeWidth=1"))
    assert opened(narrow, "ip", "host:a", "host:b") == {"tcp/6818"}


def test_steps_come_back_to_srun_on_the_ports_that_slurm_conf_names() -> None:
    found = derived(("host:l", "in_zone", "access"), ("cluster:c", "setting", "SrunPortRange=60001-63000"))
    assert opened(found, "ip", "host:a", "host:l") == {"tcp/60001-63000"}


def test_a_job_on_a_host_outside_the_estate_is_told() -> None:
    found = derived(("job:slurm/c/1", "runs_on", "host:elsewhere"))
    assert "gang:slurm/c/1 → host:elsewhere: its host is not in the estate" in whys(found)


def test_two_jobs_on_one_host_are_two_endpoints_there() -> None:
    found = derived(("job:slurm/c/1", "runs_on", "host:b"))
    assert found.groups["gang:slurm/c/1"].on("ip") == ("host:a", "job:slurm/c/1@host:b")
    assert found.groups["gang:slurm/c/2"].on("ip") == ("job:slurm/c/2@host:b",)
    assert "a file server knows hosts, not jobs" in whys(found)


def test_an_unknown_name_server_is_told_and_a_known_one_is_reached() -> None:
    assert "no dns server is known" in whys(derived())
    dns = ("service:ns/dns:53", "service_kind", "dns"), ("service:ns/dns:53", "runs_on", "host:ns")
    found = derived(*dns, ("host:ns", "in_zone", "management"))
    assert opened(found, "ip", "host:a", "host:ns") == {"udp/53", "tcp/53"}
    assert "no dns" not in whys(found)


_DATA = (
    ("storage:nfs1:/data", "exported_by", "host:nfs1"),
    ("host:a", "mounts", "storage:nfs1:/data"),
    ("host:b", "mounts", "storage:nfs1:/data"),
    ("dataset:theirs", "stored_on", "storage:nfs1:/data"),
    ("dataset:theirs", "in_tenant", "tenant:y"),
)


def test_data_of_another_tenant_is_not_allowed_by_saying_that_one_reads_it() -> None:
    found = derived(*_DATA, ("job:slurm/c/1", "reads", "dataset:theirs"))
    assert not targets(found, "storage", "host:a")
    assert "belongs to another tenant" in whys(found)


def test_data_of_another_tenant_that_is_shared_by_name_is_allowed() -> None:
    named = ("dataset:theirs", "readable_by", "identity:ann"), ("job:slurm/c/1", "runs_as", "identity:ann")
    found = derived(*_DATA, *named, ("job:slurm/c/1", "reads", "dataset:theirs"))
    assert targets(found, "storage", "host:a") == {("storage:nfs1:/data", "ro")}


def test_a_file_mode_that_lets_everyone_in_is_no_need() -> None:
    found = derived(
        *_DATA, ("dataset:theirs", "readable_by", "identity:*"), ("job:slurm/c/1", "reads", "dataset:theirs")
    )
    assert not targets(found, "storage", "host:a")


def test_a_job_without_lineage_gets_no_data_where_others_record_theirs() -> None:
    found = derived(*_DATA, ("job:slurm/c/2", "reads", "dataset:theirs"))
    assert not targets(found, "storage", "host:a")
    assert "gang:slurm/c/1 → data: nobody told what it opens" in whys(found)


def test_where_nobody_records_lineage_mounts_decide_and_are_told() -> None:
    found = derived(*_DATA)
    assert targets(found, "storage", "host:a") == {("storage:nfs1:/data", "rw")}
    assert "no lineage is recorded on this cluster" in whys(found)


def test_what_was_seen_counts_only_towards_services_of_its_own_tenant() -> None:
    tracking = "service:track/mlflow:5000"
    rows = (
        (tracking, "service_kind", "mlflow"),
        (tracking, "runs_on", "host:track"),
        ("model:theirs", "pulled_from", tracking),
        ("model:theirs", "in_tenant", "tenant:y"),
        *((f"job:slurm/c/{number}", "connects_to", tracking) for number in (1, 2)),
    )
    found = derived(*rows)
    assert opened(found, "ip", "host:b", "host:track") == {"tcp/5000"}
    assert not opened(found, "ip", "host:a", "host:track")


def test_an_image_is_pulled_from_its_registry_and_from_no_other() -> None:
    rows = [("job:slurm/c/1", "uses_image", "image:i"), ("image:i", "pulled_from", "service:r1/registry:5000")]
    for name in ("r1", "r2"):
        rows += [(f"service:{name}/registry:5000", "service_kind", "registry")]
        rows += [(f"service:{name}/registry:5000", "runs_on", f"host:{name}")]
    found = derived(*rows)
    assert opened(found, "ip", "host:a", "host:r1") == {"tcp/5000"}
    assert not opened(found, "ip", "host:a", "host:r2")
    assert not opened(found, "ip", "host:b", "host:r1")


def test_a_workstation_without_an_address_stands_for_its_network_and_is_told() -> None:
    rows = (
        ("host:l", "in_zone", "access"),
        ("identity:ann", "may_login", "host:l"),
        ("identity:ann", "logs_in_from", "workstation:ann"),
        ("workstation:ann", "attached_to", "network:10.9.0.0/16"),
    )
    found = derived(*rows)
    assert opened(found, "login", "identity:ann@10.9.0.0/16", "host:l") == {"any"}
    assert "its whole network may log in as identity:ann" in whys(found)


def test_a_registry_that_nobody_knows_is_told() -> None:
    found = derived(("job:slurm/c/1", "uses_image", "image:i"), ("image:i", "pulled_from", "service:nvcr.io/registry"))
    assert "gang:slurm/c/1 → service:nvcr.io/registry: its images, data or models come from there" in whys(found)


def test_hosts_that_did_not_tell_their_mounts_are_told() -> None:
    silent = Fact("host:a", "asked", "mounts", {"answered": False})
    found = derive_policy(estate_of([*small(), silent]))
    assert "host:a → mounts: they did not tell their mounts" in whys(found)


def test_hosts_that_are_assumed_like_others_are_told() -> None:
    assert "host:b → assumed: they were not captured" in whys(derived(("host:b", "assumed_like", "host:a")))


def test_an_accelerator_that_two_gangs_hold_is_told() -> None:
    found = derived(*((f"job:slurm/c/{number}", "uses_gpu", "gpu:g") for number in (1, 2)))
    assert "share gpu:g: its memory is one" in whys(found)


def test_what_cannot_be_told_opens_nothing_that_is_denied() -> None:
    for one in told().residuals:
        ends = {name for group in told().groups.values() for name in (group.name, *group.on(one.plane))}
        assert not {one.source, one.target} <= ends | {"*"}, one
