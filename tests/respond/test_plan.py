"""From an incident to a plan, on a small cluster whose ways are few enough to be told by hand."""

from itertools import permutations

import msgspec
import pytest
from bench.contain_plan import everywhere, incidents

from ringfence.app.guard.ground import ground_of
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.respond.ground import Ground
from ringfence.respond.plan import plan
from ringfence.respond.values import Plan
from ringfence.respond.verbs import Grade
from ringfence.synth import draw, facts
from ringfence.watch.values import Incident, Signal, Stake

FABRIC, CLUSTER, OUT = "network:ib/lab", "cluster:lab", "192.88.99.10"
STORAGE, MODEL = "storage:store:/data", "model:lab/weights"
NODES = ("host:gpu01", "host:gpu02", "host:gpu03")
HOSTS = (*NODES, "host:store")
EVERYWHERE = frozenset(
    {*((target, host) for target in ("contain", "flows", "sessions", "keys") for host in HOSTS)}
    | {("quarantine", FABRIC), ("ports", FABRIC), ("scheduler", CLUSTER)}
)


def cluster() -> list[Fact]:
    """Three nodes that mount one export with the weights; two jobs of alice and bob share gpu01."""
    told = [
        Fact(host, "attached_to", "network:10.0.0.0/24", {"address": f"10.0.0.{at}"})
        for at, host in enumerate(HOSTS, 1)
    ]
    told += [Fact(host, "mounts", STORAGE, {"path": "/data"}) for host in NODES]
    told += [Fact(host, "in_cluster", CLUSTER) for host in NODES]
    told += [Fact(host, "has_port", f"ibport:0x{at:016x}", {"port": 1}) for at, host in enumerate(HOSTS, 1)]
    told += [Fact(f"ibport:0x{at:016x}", "on_fabric", FABRIC, {"link_layer": "InfiniBand"}) for at in range(1, 5)]
    told += [Fact(STORAGE, "exported_by", "host:store"), Fact(STORAGE, "setting", "sec=sys")]
    told += [Fact(MODEL, "stored_on", STORAGE, {"path": "/data/w"}), Fact(MODEL, "readable_by", "identity:alice")]
    for job, user, host in ((1, "alice", 0), (2, "bob", 0), (3, "bob", 1)):
        name = f"job:slurm/lab/{job}"
        told += [Fact(name, "runs_on", NODES[host]), Fact(name, "runs_as", f"identity:{user}")]
        told += [Fact(name, "in_cluster", CLUSTER), Fact(f"identity:{user}", "in_cluster", CLUSTER)]
    return told


def ground(*more: Fact, reachable: frozenset[tuple[str, str]] = EVERYWHERE) -> Ground:
    return ground_of(estate_of([*cluster(), *more]), reachable, digest="abc")


def signal(name: str = "RF.D71", host: str = "host:gpu01", **said: object) -> Signal:
    whole = {
        "kind": "detector",
        "title": name,
        "key": f"{host}|{name}",
        "time": 1,
        "entities": (host,),
        "sources": (f"{host}/exec",),
        "why": "something was noticed",
        "severity": 80,
        "confidence": 0.85,
        "holds": (f"{host}#root",),
    }
    return Signal(name=name, **(whole | said))  # type: ignore[arg-type]


def leak(**said: object) -> Signal:
    """Alice's job on gpu01 sends weights out."""
    whole: dict[str, object] = {
        "entities": ("host:gpu01", "job:slurm/lab/1", "identity:alice", MODEL),
        "why": f"python of alice sent 900 MB out within an hour, lately to {OUT}, 80 % of {MODEL}",
        "holds": ("host:gpu01#user", "identity:alice#use", f"{MODEL}#read"),
        "peers": (OUT,),
    }
    return signal("RF.D04", **(whole | said))  # type: ignore[arg-type]


def incident(
    *signals: Signal, severity: int = 90, confidence: float = 0.9, sources: tuple[str, ...] = ("a", "b")
) -> Incident:
    return Incident(
        id="RF-1",
        title="t",
        state="open",
        version=3,
        opened=0,
        updated=1,
        severity=severity,
        confidence=confidence,
        entities=(),
        signals=signals,
        chain=tuple(dict.fromkeys(position for one in signals for position in one.holds)),
        sources=sources,
    )


def done(found: Plan) -> set[tuple[str, str, str]]:
    return {(one.cut.verb, one.cut.place, one.cut.subject) for one in found.cuts}


def verbs(found: Plan) -> list[str]:
    return [one.cut.verb for one in found.cuts]


def test_root_on_a_node_is_parted_from_the_weights_by_cutting_that_node_off() -> None:
    found = plan(incident(signal()), ground(), 10.0)
    assert ("isolate", "host:gpu01", "all") in done(found)
    assert found.jewels == (MODEL,)
    assert not found.left
    assert not found.lost
    assert found.exact
    assert found.jobs == ("job:slurm/lab/1", "job:slurm/lab/2")
    needed = [one for one in found.cuts if one.needed]
    assert STORAGE in needed[0].why
    assert "mounts" in needed[0].why
    assert (found.incident, found.version, found.estate) == ("RF-1", 3, "abc")
    assert all(place in ("host:gpu01", CLUSTER) for _, place, _ in done(found))


def test_the_order_of_doing_is_that_of_the_verbs() -> None:
    found = plan(incident(signal(), leak()), ground(), 0.0)
    ranks = [one.cut.about.rank for one in found.cuts]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) > 2
    assert len(done(found)) == len(found.cuts)


def test_the_order_of_the_signals_changes_nothing() -> None:
    some = (
        signal(),
        leak(),
        signal("RF.D08", "host:gpu02", holds=("host:gpu02#user",)),
        signal("RF.D15", "host:gpu03"),
    )
    stand = ground()
    plans = {plan(incident(*shuffled), stand, 0.0) for shuffled in permutations(some)}
    assert len(plans) == 1


def test_weights_that_leave_are_blocked_where_they_leave() -> None:
    found = plan(incident(leak()), ground(), 0.0)
    assert ("block", "host:gpu01", OUT) in done(found)
    assert found.lost == (MODEL,)
    assert found.seconds <= 1.0


def test_on_a_shared_host_the_job_is_cut_and_its_neighbour_is_not() -> None:
    found = plan(incident(leak()), ground(), 0.0)
    assert {("block-job", "host:gpu01", "1"), ("block-user", "host:gpu01", "alice")} <= done(found)
    assert "isolate" not in verbs(found)
    assert found.jobs == ("job:slurm/lab/1",)


def test_without_an_estate_the_senders_own_host_is_the_plan() -> None:
    nowhere = ground_of(estate_of([]), frozenset({("contain", "host:new01")}))
    one = leak(host="host:new01", entities=("host:new01", "identity:alice"), holds=("host:new01#user",))
    found = plan(incident(one), nowhere, 0.0)
    assert ("block", "host:new01", OUT) in done(found)
    assert ("isolate", "host:new01", "all") in done(found)
    assert not found.exact
    assert any("host:new01#user is not in the estate" in line for line in found.unknown)
    other = plan(incident(signal("RF.D71", "host:new01")), nowhere, 0.0)
    assert done(other) == {("isolate", "host:new01", "all")}


def test_a_forger_cuts_nobody_but_itself() -> None:
    forged = signal(
        "RF.D62",
        "host:gpu02",
        entities=("host:gpu02", "host:gpu03"),
        sources=("host:gpu03/exec",),
        holds=("host:gpu02#root",),
    )
    lie = signal("RF.D04", "host:gpu02", sources=("host:gpu03/exec",))
    found = plan(incident(forged, lie), ground(), 0.0)
    assert not any("gpu02" in " ".join(cut) for cut in done(found))
    assert ("isolate", "host:gpu03", "all") in done(found)
    assert "host:gpu02#root" not in found.held


def test_a_protected_host_is_left_alone_and_the_plan_says_what_stays() -> None:
    found = plan(incident(signal()), ground(), 0.0, never=frozenset({"host:gpu01", "host:store"}))
    assert not any(place in ("host:gpu01", "host:store") for _, place, _ in done(found))
    assert found.left == (MODEL,)
    assert any(MODEL in line and "stay in reach" in line for line in found.unknown)


def test_a_plan_goes_around_a_protected_host() -> None:
    found = plan(incident(signal()), ground(), 0.0, never=frozenset({"host:gpu01"}))
    assert ("isolate", "host:store", "all") in done(found)
    assert not found.left


def test_a_server_is_no_cheap_place_to_cut() -> None:
    idle = [fact for fact in cluster() if not fact.subject.startswith("job:")]
    stand = ground_of(estate_of(idle), EVERYWHERE)
    both = (signal(), signal(host="host:gpu02"))
    found = plan(incident(*both), stand, 0.0)
    assert {place for _, place, _ in done(found) if place != CLUSTER} == {"host:gpu01", "host:gpu02"}
    store = plan(incident(signal(host="host:store")), stand, 0.0)
    assert {host for one in store.cuts for host in one.hosts} == set(HOSTS)


def test_a_protected_job_keeps_its_host() -> None:
    found = plan(incident(leak()), ground(), 0.0, never=frozenset({"job:slurm/lab/2"}))
    assert found.jobs == ("job:slurm/lab/1",)


def test_what_nobody_can_do_is_not_in_the_plan() -> None:
    found = plan(incident(signal()), ground(reachable=frozenset()), 0.0)
    assert found.cuts == ()
    assert found.left == (MODEL,)


def test_a_weak_word_is_only_watched() -> None:
    found = plan(incident(leak(holds=("host:gpu01#root",)), severity=20, confidence=0.3, sources=("a",)), ground(), 0.0)
    assert set(verbs(found)) <= {"watch-closer", "throttle"}
    assert found.grade <= Grade.THROTTLE
    assert found.left == (MODEL,)


def test_nobody_is_expelled_on_the_word_of_one_source() -> None:
    one = plan(incident(leak(), sources=("host:gpu01",)), ground(), 0.0)
    two = plan(incident(leak()), ground(), 0.0)
    assert one.grade <= Grade.ISOLATE
    assert {"cancel", "limit-user"} & {*verbs(two)}
    assert two.grade == Grade.EXPEL


def test_mining_stops_the_job_and_not_the_host() -> None:
    mining = signal("RF.D22", entities=("host:gpu01", "job:slurm/lab/1"), holds=("job:slurm/lab/1#code",))
    found = plan(incident(mining), ground(), 0.0)
    assert ("block-job", "host:gpu01", "1") in done(found)
    assert ("cancel", CLUSTER, "1") in done(found)
    assert found.jobs == ("job:slurm/lab/1",)


def test_a_tampered_partition_quarantines_the_port_that_gained() -> None:
    port = f"ibport:0x{2:016x}"
    tampered = signal(
        "RF.D55", "host:store", entities=("host:store", port), sources=("host:store/opensm",), holds=(f"{port}#send",)
    )
    found = plan(incident(tampered), ground(), 0.0)
    assert ("quarantine", FABRIC, f"0x{2:016x}") in done(found)
    assert not any(place == "host:store" for _, place, _ in done(found))


def test_of_a_host_only_the_port_that_is_held_is_taken_out() -> None:
    more = [Fact("host:gpu02", "has_port", "ibport:0x0000000000000009", {"port": 2})]
    more += [Fact("ibport:0x0000000000000009", "on_fabric", FABRIC, {"link_layer": "InfiniBand"})]
    key = "network:ib/lab/0x0001"
    more += [Fact(f"ibport:0x{at:016x}", "in_pkey", key, {"membership": "full"}) for at in (2, 9)]
    more += [Fact("service:store/nfs", "listens_on", key), Fact("service:store/nfs", "runs_on", "host:store")]
    more += [Fact("service:store/nfs", "service_kind", "docker"), Fact("service:store/nfs", "authenticates", "none")]
    gained = signal("RF.D02", "host:gpu02", holds=("ibport:0x0000000000000002#send",))
    found = plan(incident(gained), ground(*more), 0.0)
    assert [one.cut.subject for one in found.cuts if one.cut.verb == "quarantine"] == ["0x0000000000000002"]
    assert found.jewels == (MODEL,)
    assert not found.left


def test_ports_are_switched_off_only_where_that_is_allowed_and_nothing_else_is_in_time() -> None:
    key = "network:ib/lab/0x0001"
    ways = [Fact(f"ibport:0x{at:016x}", "in_pkey", key, {"membership": "full"}) for at in (1, 2)]
    ways += [Fact("service:store/nfs", "listens_on", key), Fact("service:store/nfs", "runs_on", "host:store")]
    ways += [Fact("service:store/nfs", "service_kind", "docker"), Fact("service:store/nfs", "authenticates", "none")]
    stand = ground(*ways)
    soon = msgspec.structs.replace(incident(signal()), stake=Stake((MODEL,), 1, (0.005, 0.01), True))
    assert "hard-cut" not in verbs(plan(soon, stand, 0.0))
    assert "quarantine" in verbs(plan(soon, stand, 0.0))
    assert "hard-cut" in verbs(plan(soon, stand, 0.0, hard=True))
    later = msgspec.structs.replace(soon, stake=Stake((MODEL,), 1, (30.0, 60.0), True))
    assert "hard-cut" not in verbs(plan(later, stand, 0.0, hard=True))


def test_neighbours_on_nvlink_are_cut_off_too() -> None:
    domain = "nvlink:rack/0"
    link: list[Fact] = []
    for at, host in enumerate(NODES[:2], 1):
        link += [Fact(host, "has_gpu", f"gpu:{at}"), Fact(f"gpu:{at}", "nvlink_member", domain)]
        link += [Fact(host, "uses_imex", "imex:rack/0"), Fact("imex:rack/0", "imex_of", domain)]
    link += [Fact("job:slurm/lab/3", "uses_gpu", "gpu:2"), Fact("job:slurm/lab/3", "reads", "dataset:d")]
    link += [Fact("dataset:d", "stored_on", STORAGE)]
    found = plan(incident(signal()), ground(*link), 0.0)
    assert "dataset:d" in found.lost
    bare = plan(incident(signal()), ground(*link[:-2]), 0.0)
    assert "dataset:d" not in bare.lost


MARK = "SHA256:" + "A" * 43


def test_a_stolen_key_is_refused_everywhere_that_has_a_login() -> None:
    key = "credential:ssh/aa"
    stolen = [
        Fact(key, "unlocks", "identity:alice", {"fingerprint": MARK}),
        Fact("identity:alice", "may_login", NODES[1]),
    ]
    stolen += [Fact(f"service:{host[5:]}/ssh:22", "runs_on", host) for host in NODES[:2]]
    stolen += [Fact(f"service:{host[5:]}/ssh:22", "service_kind", "ssh") for host in NODES[:2]]
    stolen += [Fact(NODES[1], "setting", "pam_slurm_adopt=off"), Fact(NODES[1], "setting", "ssh_from=anywhere")]
    seen = signal(
        "RF.D15", "workstation:alice", entities=("workstation:alice", "identity:alice"), holds=(f"{key}#use",)
    )
    found = plan(incident(seen), ground(*stolen), 0.0)
    assert {("revoke-key", host, MARK) for host in NODES[:2]} <= done(found)
    assert found.jewels == (MODEL,)
    assert not found.left
    assert not found.jobs


def test_measured_times_replace_those_of_the_table() -> None:
    stand = ground()
    assert plan(incident(signal()), stand, 0.0, measured={"isolate": 7.5}).seconds == 7.5


def test_the_age_of_the_estate_is_told() -> None:
    old = [msgspec.structs.replace(one, observed_at=100.0) for one in cluster()]
    assert plan(incident(signal()), ground_of(estate_of(old), EVERYWHERE), 160.0).age == 60.0


@pytest.mark.parametrize("seed", [1, 2])
def test_on_a_drawn_cluster_every_parting_cut_is_needed_and_nothing_is_left(seed: int) -> None:
    estate = estate_of(facts(draw(60, seed)))
    stand = ground_of(estate, everywhere(estate))
    for _, one in incidents(stand, 8, seed):
        found = plan(one, stand, 0.0)
        assert not found.left
        assert found.jewels or found.lost
        assert any(each.needed for each in found.cuts)
        assert found == plan(msgspec.structs.replace(one, signals=one.signals[::-1]), stand, 0.0)
