"""Jobs come and go: a policy kept job by job is the policy derived anew, and hosts get the bytes of the whole."""

import random
import threading
import time

import msgspec
import pytest

from ringfence.app.follow.batch import misfits, without
from ringfence.app.follow.follow import Follow
from ringfence.app.follow.making import FOLLOWED, Wanted, made
from ringfence.app.follow.orders import Orders
from ringfence.app.follow.standing import Standing
from ringfence.app.follow.sweeps import NOBODY, Sweeps
from ringfence.collect.base import Scope
from ringfence.collect.slurm_state import Place
from ringfence.errors import EnforceError, InputError
from ringfence.estate.estate import Estate, estate_of
from ringfence.segment.compile import WRITERS
from ringfence.segment.fabrics import guid_of
from ringfence.segment.model import Allow, Artefact, Group, Policy
from ringfence.segment.overrides import read_overrides
from ringfence.segment.policy import derive_policy
from ringfence.synth import generate
from ringfence.wire import jobs
from ringfence.wire.control import Result
from ringfence.wire.orders import Receipt, digest

TARGETS = [name for name in FOLLOWED if name in WRITERS]


@pytest.fixture(scope="module")
def estate() -> Estate:
    return estate_of(generate(120, 7))


def told(standing: Standing) -> dict[str, list]:
    """The jobs of an estate that hold hosts, with what is said of them."""
    known = standing.scene.known.items()
    return {job: facts for job, facts in known if any(fact.predicate == "runs_on" for fact in facts)}


def shape(policy):
    """Groups and allows, without the order in which anything came."""
    return (
        policy.groups,
        policy.budgets,
        {(one.source, one.target, one.plane, one.what, one.why) for one in policy.allows},
    )


@pytest.mark.parametrize("seed", range(3))
def test_the_policy_of_jobs_told_in_any_order_is_that_of_an_estate_with_them(estate, seed):
    """Forward, backward, shuffled; and with jobs that came and went between."""
    standing = Standing(estate)
    all_of = told(standing)
    names = sorted(all_of, reverse=seed == 1)
    chance = random.Random(seed)
    if seed == 2:
        chance.shuffle(names)
    for job in names:
        other = chance.choice(names)
        standing.tell(other, all_of[other])
        standing.tell(job, all_of[job])
    for job in chance.sample(names, len(names) // 2):
        standing.forget(job)
        standing.tell(job, all_of[job])
    assert shape(standing.whole()) == shape(derive_policy(estate))


def test_overrides_and_budgets_are_those_of_the_whole_until_they_end(estate):
    """A service closed to one gang, a budget raised; then both decisions are over."""
    standing = Standing(estate)
    all_of = told(standing)
    allow = next(one for one in derive_policy(estate).on("ip") if one.source.startswith("gang:"))
    jewel = derive_policy(estate).budgets[0].jewel
    owned = 'owner = "ann"\nreason = "a test"\nexpires = 2030-01-01\n'
    text = f'[[deny]]\nfrom = "{allow.source}"\nto = "{allow.target}"\nwhat = "{allow.what}"\n{owned}'
    text += f'[[budget]]\njewel = "{jewel}"\nbytes_per_hour = 4711\n{owned}'
    overrides, clock = read_overrides(text), [1.8e9]
    changed = Standing(estate, (), overrides, lambda: clock[0])
    for job, facts in all_of.items():
        changed.tell(job, facts)
    assert shape(changed.whole()) == shape(derive_policy(estate, overrides, clock[0]))
    assert allow not in changed.whole().allows
    assert 4711 in {one.bytes_per_hour for one in changed.whole().budgets}
    clock[0] = 2e9
    assert shape(changed.whole()) == shape(derive_policy(estate))


def test_when_every_job_has_ended_nothing_is_left_of_any(estate):
    """The policy is then that of an estate without jobs."""
    standing = Standing(estate)
    before = shape(standing.whole())
    all_of = told(standing)
    for job, facts in all_of.items():
        standing.tell(job, facts)
    for job in all_of:
        standing.forget(job)
    assert shape(standing.whole()) == before
    assert standing.forget("job:slurm/alpha/1") == ()


@pytest.mark.parametrize("target", TARGETS)
def test_hosts_get_the_bytes_that_compiling_everything_would_give_them(estate, target):
    """For the hosts of one job, and for hosts that two jobs share."""
    standing = Standing(estate)
    all_of = told(standing)
    for job, facts in all_of.items():
        standing.tell(job, facts)
    policy, inventory = standing.now()
    whole = WRITERS[target].write(policy, inventory)
    text = {host: one.text for one in whole.artefacts for host in one.loaded_by}
    samples = [standing.hosts_of(job) for job in random.Random(1).sample(sorted(all_of), 6)]
    if standing.scene.shared:
        samples.append(tuple(sorted(standing.scene.shared))[:2])
    for hosts in samples:
        found = made(standing, [target], policy, hosts).wanted
        assert found or not set(hosts) & set(inventory.enforcers.get(target, ()))
        assert {host: one.text for (_, host), one in found.items()} == {host: text[host] for _, host in found}


@pytest.mark.parametrize(
    ("old", "new", "told_of"),
    [
        ("elements = { ", "elements = { {stranger}, ", "leak"),
        ("type filter hook input priority filter - 5; policy drop;", "{hook}\n\t\taccept", "leak"),
        ("ct state established,related accept", "ct state invalid drop", "break"),
    ],
)
def test_a_host_s_rules_are_proven_against_everybody_although_few_are_looked_at(estate, old, new, told_of):
    """A rule that lets in somebody of another job, or everybody, is seen; so is one that lets no answer in."""
    standing = Standing(estate)
    for job, facts in told(standing).items():
        standing.tell(job, facts)
    gang = next(gang for gang in standing.scene.gangs.values() if len(gang.hosts) > 3 and gang.jobs)
    other = next(one for one in standing.scene.gangs.values() if one.jobs and not set(one.hosts) & set(gang.hosts))
    making = made(standing, ["nftables"], standing.whole(), gang.hosts)
    stranger = standing.inventory.addresses[other.hosts[0]][0]
    whole = {name: one for name, one in making.wanted.items() if "set in_any_v4" in one.text}
    (_, host), one = next(iter(whole.items()))
    head, _, rest = one.text.partition("set in_any_v4" if "elements" in old else "chain input")
    changed = rest.replace(old, new.replace("{stranger}", stranger).replace("{hook}", old), 1)
    text = head + ("set in_any_v4" if "elements" in old else "chain input") + changed
    assert text != one.text
    sound = [Artefact(found.name, found.text, (name,)) for (_, name), found in making.wanted.items() if name != host]
    making.judged("nftables", [*sound, Artefact("x", one.text, (host,))])
    with pytest.raises(EnforceError, match=told_of):
        making.judged("nftables", [*sound, Artefact("x", text, (host,))])


class Hosts:
    """Hosts for tests of the order of things: a dictionary where a server and its enforcers would be."""

    def __init__(self) -> None:
        self.there: dict[tuple[str, str], str] = {}
        self.covers: dict[str, tuple[str, ...]] = {}
        self.down: set[str] = set()
        self.slow = 0.0
        self.orders = 0

    def send(self, hosts, target, action, text, **more):
        time.sleep(self.slow)
        for host in hosts:
            self.orders += 1
            if host in self.down:
                yield Result(host, None, "", f"{host} is not connected")
                continue
            self.there[target, host], self.covers[host] = text, more["covers"]
            receipt = Receipt(
                order="0" * 32, host=host, target=target, sequence=1, outcome="applied", when=0, digest=digest(text)
            )
            yield Result(host, receipt, text)


def following(estate: Estate, hosts: Hosts, sweeps=None) -> tuple[Follow, Standing]:
    """A follower of the estate's cluster, on hosts that answer at once."""
    standing = Standing(estate)
    follow = Follow(standing, Place(Scope("alpha"), "alpha"), Orders(hosts.send), sweeps, ("sshd",), deadline=0.5)
    return follow, standing


def seen(number: str, nodes: str, account: str = "t01", user: str = "res-001") -> jobs.Seen:
    return jobs.of_request(jobs.Request("started", number, nodes, user, account))


def free_nodes(standing: Standing) -> list[str]:
    """Names of enforced nodes, of a cluster whose jobs nobody told."""
    return sorted(host.partition(":")[2] for host in standing.inventory.enforcers["sshd"] if "gpu" in host)


def test_before_the_scheduler_was_heard_no_job_starts(estate):
    """Nobody knows yet who else is on a host: a text compiled now could cut a running job."""
    hosts = Hosts()
    follow, standing = following(estate, hosts)
    nodes = free_nodes(standing)
    assert follow.started(seen("1", nodes[0])).verdict == "hold"
    assert hosts.orders == 0
    follow.settle({}, time.time())
    assert follow.started(seen("1", nodes[0])).verdict == "allow"
    assert hosts.covers[f"host:{nodes[0]}"] == ("1",)
    assert follow.ended("1").verdict == "done"
    assert hosts.covers[f"host:{nodes[0]}"] == ()
    follow.close()


def test_a_job_that_one_host_does_not_take_is_taken_back_from_the_others(estate):
    """Nothing half applied: the hosts that had followed are as free as before, and the reason is told."""
    hosts = Hosts()
    follow, standing = following(estate, hosts)
    follow.settle({}, time.time())
    one, two = free_nodes(standing)[:2]
    follow.started(seen("1", one))
    follow.ended("1")
    before = dict(hosts.there)
    hosts.down.add(f"host:{two}")
    answer = follow.started(seen("2", f"{one},{two}"))
    assert answer.verdict == "hold"
    assert f"host:{two} is not connected" in answer.why
    assert {place: hosts.there[place] for place in before} == before
    assert [(job.job, job.state) for job in follow.status()] == [("2", "failed")]
    hosts.down.clear()
    assert follow.started(seen("2", f"{one},{two}")).verdict == "allow"
    follow.close()


def test_a_host_that_nobody_surveyed_starts_no_job(estate):
    """It has no address and no fence."""
    hosts = Hosts()
    follow, _ = following(estate, hosts)
    follow.settle({}, time.time())
    answer = follow.started(seen("1", "stranger01"))
    assert (answer.verdict, hosts.orders) == ("hold", 0)
    assert "host:stranger01 is not in the estate" in answer.why
    follow.close()


def test_what_hooks_missed_is_made_up_for_and_what_is_newer_stands(estate):
    """Lost starts and ends are found; an event after the snapshot was asked for is not undone by it."""
    hosts = Hosts()
    follow, standing = following(estate, hosts)
    one, two = free_nodes(standing)[:2]
    assert follow.settle({"1": seen("1", one)}, time.time()) == ["job 1 runs and no hook said so"]
    assert hosts.covers[f"host:{one}"] == ("1",)
    asked_at = time.time() - 1
    follow.started(seen("2", two))
    follow.ended("1")
    assert follow.settle({"1": seen("1", one)}, asked_at) == []
    assert [job.job for job in follow.status()] == ["2"]
    assert follow.settle({}, time.time() + 1) == ["job 2 has ended and no hook said so"]
    assert hosts.covers[f"host:{two}"] == ()
    follow.close()


def test_a_host_that_was_down_is_brought_again(estate):
    """An end that did not reach a host is not forgotten."""
    hosts = Hosts()
    follow, standing = following(estate, hosts)
    follow.settle({}, time.time())
    (one,) = free_nodes(standing)[:1]
    follow.started(seen("1", one))
    hosts.down.add(f"host:{one}")
    assert "1 hosts are late" in follow.ended("1").why
    assert hosts.covers[f"host:{one}"] == ("1",)
    hosts.down.clear()
    follow.settle({}, time.time())
    assert hosts.covers[f"host:{one}"] == ()
    follow.close()


def test_a_port_is_clear_for_the_next_tenant_when_its_host_has_answered(estate):
    """The host's order ends what was open; a port whose host nothing is ordered of waits for nobody."""
    hosts = Hosts()
    follow, standing = following(estate, hosts)
    follow.settle({}, time.time())
    ports = {host: guid_of(port) for port, host in standing.inventory.host_of.items() if port.startswith("ibport:")}
    one = next(node for node in free_nodes(standing) if ports.get(f"host:{node}"))
    guid, stranger = ports[f"host:{one}"], 1
    follow.started(seen("1", one))
    assert follow._not_cleared([guid, stranger]) == set()
    hosts.down.add(f"host:{one}")
    follow.ended("1")
    assert follow._not_cleared([guid, stranger]) == {guid}
    hosts.down.clear()
    assert follow._not_cleared([guid, stranger]) == set()
    follow.close()


def test_an_older_text_never_arrives_after_a_newer_one():
    """Two events about one host: whoever sends second sends what is wanted now."""
    hosts = Hosts()
    hosts.slow = 0.05
    orders = Orders(hosts.send)
    place = ("nftables", "host:a")

    def event(text: str) -> None:
        orders.want({place: Wanted("x", text, ())})
        orders.bring([place], 5)

    threads = [threading.Thread(target=event, args=(str(at),)) for at in range(8)]
    for at, thread in enumerate(threads):
        orders.want({place: Wanted("x", str(at), ())})
        thread.start()
    for thread in threads:
        thread.join()
    assert hosts.there[place] == orders._wanted[place].text
    assert hosts.orders < 8, "those who waited found it done"
    orders.close()


class Manager:
    """A subnet manager for tests of who waits for which sweep; none of it is a fabric."""

    def __init__(self) -> None:
        self.sweeps: list[int] = []
        self.gate = threading.Event()


def test_jobs_that_wait_for_a_sweep_are_served_together(monkeypatch):
    """Ten events during one sweep cost one more."""
    manager, wanted = Manager(), [NOBODY]
    sweeps = Sweeps([manager], lambda: (wanted[0], None))

    def one(self, which, policy, inventory, begun):
        which.gate.wait(5)
        which.sweeps.append((policy is NOBODY, len(begun)))
        return {}

    monkeypatch.setattr(Sweeps, "_one", one)
    threads = [threading.Thread(target=sweeps.bring, args=(f"gang:{at}",)) for at in range(11)]
    threads[0].start()
    while not sweeps._sweeping.locked() or sweeps._waiting:
        time.sleep(0.001)
    for thread in threads[1:]:
        thread.start()
    while len(sweeps._waiting) < 10:
        time.sleep(0.001)
    wanted[0] = Policy({}, ())
    manager.gate.set()
    for thread in threads:
        thread.join()
    assert manager.sweeps == [(True, 1), (False, 10)]


def test_a_sweep_that_fails_for_no_one_s_fault_is_told_to_all_who_waited_for_it(monkeypatch):
    """And the next one is tried anew."""
    fail = [True]

    def one(self, manager, policy, inventory, begun):
        if fail[0]:
            raise InputError("no manager")
        return {}

    monkeypatch.setattr(Sweeps, "_one", one)
    sweeps = Sweeps([Manager()], lambda: (NOBODY, None))
    assert {str(error) for error in sweeps.served(["gang:1", "gang:2"]).values()} == {"no manager"}
    with pytest.raises(EnforceError, match="no manager"):
        sweeps.bring()
    fail[0] = False
    sweeps.bring()


@pytest.mark.parametrize("bad", [set(), {"3"}, {"0", "9"}, set("0123456789")])
def test_those_who_do_not_fit_are_found_among_those_who_do(bad):
    """By halves: one of a hundred costs few questions."""
    gangs = [str(at) for at in range(100)]
    asked = []

    def why_not(out):
        asked.append(out)
        wrong = bad - set(out)
        return InputError(f"{min(wrong)} is too much") if wrong else None

    found = misfits(gangs, why_not)
    assert found.keys() == bad
    assert all(str(error) == f"{gang} is too much" for gang, error in found.items())
    assert len(asked) <= 2 + 14 * len(bad)


def test_room_for_one_goes_to_whoever_came_first():
    """Two that do not fit together: the second is refused."""
    crowd = {"a", "b"}
    found = misfits(["x", "a", "y", "b"], lambda out: InputError("full") if not crowd & set(out) else None)
    assert set(found) == {"b"}


def test_where_the_rest_is_wrong_by_itself_nobody_is_to_blame():
    """All of them out, and still it does not fit."""
    assert misfits(["a", "b"], lambda _: InputError("full")) == {}


def test_a_gang_that_is_left_out_keeps_what_it_had_and_still_has():
    """A port that it lost meanwhile is another's; one that it would gain, and whom it would newly reach, is left."""
    one, two, three = ("ibport:0x0000000000000001", "ibport:0x0000000000000002", "ibport:0x0000000000000003")

    def policy(members, allowed):
        groups = {name: Group(name, "gang", "t", {"ib": ends}) for name, ends in members.items()}
        return Policy(groups, tuple(Allow(source, target, "ib", "any", "") for source, target in allowed))

    before = policy({"g": (one, two), "s": (three,)}, [("g", "g")])
    after = policy({"g": (two, three), "s": (one,), "n": (three,)}, [("g", "g"), ("g", "s"), ("n", "n"), ("n", "s")])
    left = without(after, frozenset({"g", "n"}), before)
    assert {name: group.on("ib") for name, group in left.groups.items()} == {"g": (two,), "s": (one,)}
    assert [(allow.source, allow.target) for allow in left.allows] == [("g", "g")]


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"{}",
        b'{"verb":"open","job":"1"}',
        b'{"verb":"started"}',
        b'{"verb":"started","job":"1; rm"}',
        b'{"verb":"started","job":"1","more":1}',
        b'{"verb":"started","job":"1","deadline":-1}',
        b'{"verb":"started","job":"1","user":"' + b"x" * 300 + b'"}',
    ],
)
def test_a_line_that_is_no_event_is_refused(line):
    """Each with a reason."""
    with pytest.raises(InputError):
        jobs.request(line)


def test_parts_of_a_heterogeneous_job_are_one_gang():
    """squeue names the first part as the leader of the others."""
    rows = [
        {"job_id": 7, "het_job_id": 7, "job_state": "RUNNING", "nodes": "a1", "account": "t", "user_name": "ann"},
        {"job_id": 8, "het_job_id": {"set": True, "infinite": False, "number": 7}, "job_state": ["RUNNING"]}
        | {"nodes": "a2"},
        {"job_id": 9, "het_job_id": 0, "job_state": "PENDING", "nodes": ""},
    ]
    found = jobs.running(msgspec.json.encode({"jobs": rows}))
    assert {number: one.leader for number, one in found.items()} == {"7": "", "8": "7"}
