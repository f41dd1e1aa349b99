"""Kubernetes semantics: given answers, answers worked out by hand, a brute-force judge, and bad input."""

import json
import os
import random
from ipaddress import IPv4Address
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ringfence.app.netpol import allows, as_text, written
from ringfence.cli import run
from ringfence.errors import InputError, UsageError
from ringfence.segment.prove.netpol import intervals
from ringfence.segment.prove.netpol.allowed import allowed
from ringfence.segment.prove.netpol.ports import ALL, NONE, Ports, ports
from ringfence.segment.prove.netpol.resources import POD_NETWORK, Resources
from ringfence.wire.netpol.read import read
from ringfence.wire.netpol.values import (
    AdminPolicy,
    Block,
    ContainerPort,
    Namespace,
    Peer,
    Policy,
    Port,
    Requirement,
    Rule,
    Selector,
    Workload,
)
from tests.segment.netpol_brute import connects
from tests.shared_data import shared

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "netpol"
CASES = sorted(path.name for path in FIXTURES.iterdir())


@pytest.mark.parametrize("case", CASES)
def test_a_folder_allows_what_was_worked_out_by_hand(case):
    """The text, line for line; the JSON says the same flows."""
    answer = allows(FIXTURES / case)
    text = as_text(answer)
    assert text == (FIXTURES / case / "allows.txt").read_text("utf-8")
    rows = {f"{row['src']} => {row['dst']} : {row['conn']}" for row in json.loads(written(answer, "json"))}
    assert rows == {line for line in text.splitlines() if " => " in line}


def test_every_given_answer_is_met_line_for_line():
    """63 folders by others, 96 answers in two formats."""
    folder = shared("netpol")
    answers = sorted((folder / "expected").iterdir())
    assert len(answers) == 96
    known = {}
    for path in answers:
        case, form = path.name.split("_connlist_output.")
        if case not in known:
            known[case] = allows(folder / "tests" / case)
        assert written(known[case], form).splitlines() == path.read_text("utf-8").splitlines(), path.name


def test_every_given_folder_is_answered_or_refused_for_a_reason():
    """Also those without an answer: nothing but a clear refusal."""
    refused = set()
    for folder in sorted((shared("netpol") / "tests").iterdir()):
        try:
            allows(folder)
        except InputError:
            refused.add(folder.name)
    wrong = ("bad_path", "bad_test", "malformed", "empty_port_range")
    assert all(any(part in name for part in wrong) for name in refused), refused
    assert len(refused) == 24


# --- sets of ports and addresses --------------------------------------------------------------------------------


SMALL = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda pair: (min(pair), max(pair))), max_size=6)


def numbers(found):
    """The numbers in a set of intervals."""
    return {number for low, high in found for number in range(low, high + 1)}


@given(SMALL, SMALL)
def test_intervals_are_sets_of_numbers(first, second):
    """Union, intersection and difference against Python's own sets, and the form is canonical."""
    one, two = intervals.union(first), intervals.union(second)
    for ours, theirs in (
        (one, numbers(first)),
        (intervals.union(one, two), numbers(first) | numbers(second)),
        (intervals.intersection(one, two), numbers(first) & numbers(second)),
        (intervals.difference(one, two), numbers(first) - numbers(second)),
    ):
        assert numbers(ours) == theirs
        assert all(low <= high for low, high in ours)
        assert all(before[1] + 1 < after[0] for before, after in pairwise(ours))


@given(SMALL)
def test_a_partition_is_the_coarsest_that_keeps_every_block_whole(blocks):
    """Every block is a union of parts, and two neighbours differ in some block's eyes."""
    parts = intervals.partition((0, 40), blocks)
    assert [number for low, high in parts for number in range(low, high + 1)] == list(range(41))
    for low, high in parts:
        for block in blocks:
            assert numbers([(low, high)]) <= numbers([block]) or not numbers([(low, high)]) & numbers([block])
    edges = {edge for low, high in blocks for edge in (low, high + 1)}
    assert {low for low, _ in parts} <= edges | {0}


PORTS = st.lists(
    st.tuples(st.sampled_from(("TCP", "UDP", "SCTP")), st.integers(1, 65535), st.integers(1, 65535)), max_size=4
)


@given(PORTS, PORTS, st.sampled_from(("TCP", "UDP", "SCTP")), st.integers(1, 65535))
def test_ports_of_one_protocol_are_never_those_of_another(first, second, protocol, number):
    """Membership of any single port, in every operation."""

    def held(found: Ports) -> bool:
        return any(low <= number <= high for low, high in found.of(protocol))

    def asked(wanted) -> bool:
        return any(name == protocol and low <= number <= high for name, low, high in wanted)

    one, two = ports(first), ports(second)
    assert held(one | two) == (asked(first) or asked(second))
    assert held(one & two) == (asked(first) and asked(second))
    assert held(one - two) == (asked(first) and not asked(second))


def test_sets_of_ports_read_as_others_write_them():
    """All, none, whole protocols, single ports and ranges."""
    assert (str(ALL), str(NONE)) == ("All Connections", "No Connections")
    assert str(ALL - ports([("UDP", 53, 53)])) == "SCTP 1-65535,TCP 1-65535,UDP 1-52,54-65535"
    assert str(ports([("UDP", 1, 65535), ("TCP", 80, 80), ("TCP", 81, 90), ("TCP", 0, 0)])) == "TCP 80-90,UDP 1-65535"


# --- against the brute-force judge --------------------------------------------------------------------------------


KEYS, WORDS, SPACES = ("a", "b"), ("x", "y"), ("n1", "n2", "n3")
LABELS = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(WORDS), max_size=2)
REQUIREMENT = st.one_of(
    st.builds(
        Requirement,
        st.sampled_from(KEYS),
        st.sampled_from(("In", "NotIn")),
        st.frozensets(st.sampled_from(WORDS), min_size=1),
    ),
    st.builds(Requirement, st.sampled_from(KEYS), st.sampled_from(("Exists", "DoesNotExist"))),
)
SELECTOR = st.builds(Selector, st.lists(REQUIREMENT, max_size=2).map(tuple))
BLOCK = st.sampled_from(
    [
        Block((0, 0xFFFFFFFF)),
        Block((0x0A000000, 0x0AFFFFFF), ((0x0A010000, 0x0A01FFFF),)),
        Block((0x0A010200, 0x0A0102FF)),
    ]
)
PODS = st.builds(Peer, st.none() | SELECTOR, st.none() | SELECTOR)
ADDRESSES = BLOCK.map(lambda block: Peer(blocks=(block,)))
PORT = st.sampled_from(
    [
        Port("TCP"), Port("TCP", 80, 80), Port("TCP", 80, 90), Port("UDP", 53, 53), Port("SCTP"),
        Port("TCP", name="web"), Port("UDP", name="web"),
    ]
)  # fmt: skip
RULE = st.builds(
    Rule,
    st.none() | st.lists(PODS | ADDRESSES, min_size=1, max_size=2).map(tuple),
    st.none() | st.lists(PORT, min_size=1, max_size=2).map(tuple),
)
RULES = st.none() | st.lists(RULE, max_size=2).map(tuple)
POLICY = st.builds(Policy, st.sampled_from(SPACES), st.just("p"), SELECTOR, RULES, RULES)
CLUSTER_PODS = st.builds(Peer, SELECTOR, st.none() | SELECTOR)


def admin_rules(peers):
    """Rules of cluster-wide policies, whose named ports take any protocol."""
    named = PORT | st.just(Port("", name="web"))
    return st.lists(
        st.builds(
            Rule,
            st.lists(peers, min_size=1, max_size=2).map(tuple),
            st.none() | st.lists(named, max_size=2).map(tuple),
            st.sampled_from(("allow", "deny", "pass")),
        ),
        max_size=2,
    ).map(tuple)


ADMIN = st.builds(
    AdminPolicy,
    st.just("ClusterNetworkPolicy"),
    st.just("c"),
    st.booleans(),
    st.integers(0, 3),
    CLUSTER_PODS,
    admin_rules(CLUSTER_PODS),
    admin_rules(CLUSTER_PODS | ADDRESSES),
)
NAMED = st.lists(
    st.sampled_from([ContainerPort(80, "web"), ContainerPort(53, "web", "UDP"), ContainerPort(90)]), max_size=2
).map(tuple)
PROBES = [("TCP", 79), ("TCP", 80), ("TCP", 85), ("TCP", 90), ("UDP", 53), ("UDP", 80), ("SCTP", 80)]
OUTSIDE = [int(IPv4Address(text)) for text in ("9.9.9.9", "10.1.2.3", "10.1.9.9", "10.200.0.1")]


CLUSTER = given(
    st.lists(st.tuples(st.sampled_from(SPACES), LABELS, NAMED), min_size=1, max_size=4),
    st.tuples(LABELS, LABELS, LABELS),
    st.lists(POLICY, max_size=4),
    st.lists(ADMIN, max_size=3),
)


def agrees(pods, spaces, policies, admin):
    """Every pair, every probe, inside and outside."""
    workloads = [
        Workload(space, f"w{at}", labels=labels, ports=named) for at, (space, labels, named) in enumerate(pods)
    ]
    labels = dict(zip(SPACES, spaces, strict=True))
    admin = sorted(admin, key=lambda one: one.priority)
    for at, one in enumerate(admin):  # one order among equal priorities, whatever the sort does
        admin[at] = AdminPolicy(one.kind, f"c{at}", one.baseline, one.priority, one.subject, one.ingress, one.egress)
    found = allowed(
        Resources(
            tuple(workloads),
            tuple(Namespace(name, its) for name, its in labels.items()),
            tuple(policies),
            tuple(admin),
        )
    )
    table = {(flow.source, flow.target): flow.ports for flow in found.flows}
    assert len(table) == len(found.flows)
    ends = [*workloads, *OUTSIDE]
    for source in ends:
        for target in ends:
            if source is target or (isinstance(source, int) and isinstance(target, int)):
                continue
            open_ = held(table, source, target)
            for protocol, number in PROBES:
                wanted = connects(source, target, admin, policies, labels, protocol, number)
                told = any(low <= number <= high for low, high in open_.of(protocol))
                assert told == wanted, (source, target, protocol, number)


@settings(max_examples=150, deadline=None)
@CLUSTER
def test_flows_are_those_of_a_judge_that_tries_every_port(pods, spaces, policies, admin):
    """Small random clusters."""
    agrees(pods, spaces, policies, admin)


@pytest.mark.long
@settings(max_examples=10_000, deadline=None)
@CLUSTER
def test_flows_of_ten_thousand_clusters_are_those_of_the_judge(pods, spaces, policies, admin):
    """The same, at length."""
    agrees(pods, spaces, policies, admin)


def held(table, source, target) -> Ports:
    """The ports of a pair; an address stands for the range that it lies in."""
    for (left, right), open_ in table.items():
        if covers(left, source) and covers(right, target):
            return open_
    return NONE


def covers(shown: str, end) -> bool:
    """Whether a shown name is this end."""
    if not isinstance(end, int):
        return shown == str(end)
    if not shown.endswith("[External]"):
        return False
    low, high = (int(IPv4Address(part)) for part in shown.removesuffix("[External]").split("-"))
    return low <= end <= high


# --- in memory, and bad input -------------------------------------------------------------------------------------


def test_objects_in_memory_are_judged_without_any_file():
    """As the fence's prover asks: two workloads, one policy."""
    ranks = Workload("train", "rank", "Job", {"job": "7"}), Workload("train", "store", "StatefulSet", {"app": "s3"})
    seven = Selector((Requirement("job", "In", frozenset("7")),))
    policy = Policy("train", "only-9000", Selector(), (Rule((Peer(None, seven),), (Port("TCP", 9000, 9000),)),), None)
    found = allowed(Resources(ranks, policies=(policy,)))
    inside = {
        (one.source, one.target): str(one.ports) for one in found.flows if "External" not in one.source + one.target
    }
    assert inside == {("train/rank[Job]", "train/store[StatefulSet]"): "TCP 9000"}
    assert found.standing["train/rank[Job]"].primary == POD_NETWORK


GATED = """
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{ports: [{name: inner, containerPort: 8080}]}]}
---
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: outer, port: 80, targetPort: inner}]}
---
"""
INGRESS = """
kind: Ingress
metadata: {name: front, namespace: shop}
spec: {rules: [{http: {paths: [{backend: {service: {name: web, port: {name: %s}}}}]}}]}
"""
ROUTE = """
kind: Route
metadata: {name: front, namespace: shop}
spec: {to: {name: web}, port: {targetPort: %s}}
"""


@pytest.mark.parametrize(
    ("gate", "asked", "opens"),
    [(INGRESS, "outer", True), (INGRESS, "inner", False), (ROUTE, "outer", True), (ROUTE, "inner", True)],
)
def test_an_ingress_asks_by_the_services_name_of_a_port_and_a_route_by_either(gate, asked, opens, tmp_path):
    """The containers' name of the port is not known to an Ingress."""
    (tmp_path / "all.yaml").write_text(GATED + gate % asked, "utf-8")
    lines = as_text(allows(tmp_path)).splitlines()
    assert ("{ingress-controller} => shop/web[Pod] : TCP 8080" in lines) == opens


POD = "---\nkind: Pod\nmetadata: {name: p, namespace: n}\n"
REFUSED = {
    "an empty range of ports": (
        "kind: NetworkPolicy\nmetadata: {name: x}\nspec: {ingress: [{ports: [{port: 9, endPort: 8}]}]}",
        "no range of ports",
    ),
    "a range of ports without its lower end": (
        "kind: NetworkPolicy\nmetadata: {name: x}\nspec: {ingress: [{ports: [{endPort: 8}]}]}",
        "stands beside no port",
    ),
    **{
        f"an exception that is no part of its block: {block}": (
            f"kind: NetworkPolicy\nmetadata: {{name: x}}\nspec: {{ingress: [{{from: [{{ipBlock: {{{block}}}}}]}}]}}",
            "is not a part of",
        )
        for block in (
            "cidr: 10.0.0.0/8, except: [11.0.0.0/16]",
            "cidr: 10.0.0.0/8, except: [10.0.0.0/8]",
            "cidr: 10.0.0.0/8, except: [0.0.0.0/0]",
            'cidr: 10.0.0.0/8, except: ["fd00::/16"]',
            'cidr: "fd00::/16", except: ["fe00::/32"]',
        )
    },
    "a block that is none": (
        "kind: NetworkPolicy\nmetadata: {name: x}\nspec: {ingress: [{from: [{ipBlock: {cidr: 10.0.0}}]}]}",
        "not an address block",
    ),
    "an operator that is none": (
        "kind: NetworkPolicy\nmetadata: {name: x}\n"
        "spec: {podSelector: {matchExpressions: [{key: a, operator: Is, values: [b]}]}}",
        "not an operator",
    ),
    "a peer of two kinds": (
        "kind: NetworkPolicy\nmetadata: {name: x}\n"
        "spec: {podSelector: {}, egress: [{to: [{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}]}",
        "both an ipBlock and selectors",
    ),
    "two policies of one name": (
        "kind: NetworkPolicy\nmetadata: {name: x}\nspec: {}\n---\nkind: NetworkPolicy\nmetadata: {name: x}\nspec: {}",
        "occurs 2 times",
    ),
    "a tier that is none": (
        "kind: ClusterNetworkPolicy\nmetadata: {name: x}\nspec: {tier: Top, priority: 1, subject: {namespaces: {}}}",
        "not a tier",
    ),
    "a policy for no network": (
        "kind: MultiNetworkPolicy\nmetadata: {name: x}\nspec: {podSelector: {}}",
        "which networks",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_no_answer_is_given_with_a_policy_that_no_api_server_takes(what, tmp_path, capsys):
    """The error names the file and the line; standard output stays empty."""
    text, reason = REFUSED[what]
    (tmp_path / "all.yaml").write_text(f"# a comment\n{text}\n{POD}", "utf-8")
    assert run(["fence", "allows", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert reason in err


def test_pods_of_one_owner_may_differ_only_where_no_policy_looks(tmp_path):
    """A workload is one line; where its pods would be judged apart, there is no such line."""
    owner = "ownerReferences: [{kind: ReplicaSet, name: w, controller: true}]"
    pods = "".join(f"---\nkind: Pod\nmetadata: {{name: p{at}, labels: {{v: '{at}'}}, {owner}}}\n" for at in (1, 2))
    policy = "---\nkind: NetworkPolicy\nmetadata: {name: x}\nspec: {podSelector: {matchLabels: {v: '%s'}}}\n"
    (tmp_path / "all.yaml").write_text(pods + policy % 3, "utf-8")
    assert "default/w[ReplicaSet]" in allows(tmp_path).allowed.standing
    (tmp_path / "all.yaml").write_text(pods + policy % 2, "utf-8")
    with pytest.raises(InputError, match="differ in labels"):
        allows(tmp_path)


def test_exit_statuses_say_done_in_part_not_done_and_misused(tmp_path, capsys):
    """0, 3, 1 and 2, with the formats spelled either way."""
    assert run(["fence", "allows", str(FIXTURES / "tiers"), "--json"]) == 0
    by_flag = capsys.readouterr().out
    assert run(["fence", "allows", str(FIXTURES / "tiers"), "--format", "json"]) == 0
    assert capsys.readouterr().out == by_flag
    assert run(["fence", "allows", str(FIXTURES / "damaged")]) == 3
    assert "all.yaml:7" in capsys.readouterr().err
    assert run(["fence", "allows", str(tmp_path)]) == 1
    assert run(["fence", "allows", str(tmp_path / "absent")]) == 2
    assert run(["fence", "allows", str(FIXTURES / "tiers"), "--format", "xml"]) == 2
    capsys.readouterr()
    assert run(["fence", "--help"]) == 0
    assert "allows" in capsys.readouterr().out


def test_what_is_no_file_is_not_opened(tmp_path):
    """A pipe in the folder would wait for ever."""
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "pod.yaml").write_text(POD, "utf-8")
    assert len(allows(tmp_path).allowed.standing) == 1
    with pytest.raises(UsageError):
        allows(tmp_path / "pipe.yaml")


def test_aliases_that_multiply_and_depth_are_refused():
    """A small file stays small."""
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]\n" for n in range(1, 30))
    for data in (bomb, "kind: Pod\nmetadata: " + "[" * 100_000, "{" * 100_000, "- " * 100_000, "&a [*a]"):
        found = read(data.encode())
        assert not found.found
        assert found.remarks


SEEDS = [path.read_bytes() for path in sorted(FIXTURES.glob("*/*")) if path.suffix != ".txt"]


@settings(max_examples=200, deadline=None)
@given(st.randoms(use_true_random=False))
def test_damaged_manifests_give_values_and_remarks_and_nothing_else(chance: random.Random):
    """Bytes lost, doubled, swapped and replaced in real manifests."""
    data = bytearray(chance.choice(SEEDS))
    for _ in range(chance.randint(1, 6)):
        at, long = chance.randrange(len(data)), chance.randint(1, 30)
        match chance.randrange(4):
            case 0:
                del data[at : at + long]
            case 1:
                data[at:at] = data[at : at + long]
            case 2:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case _:
                data[at:at] = chance.choice(
                    (b"null", b"[]", b"{}", b"-1", b"1e99", b"'", b'"', b": ", b"\n---\n", b"\xff")
                )
        data = data or bytearray(b"x")
    found = read(bytes(data))
    assert all(remark.what for remark in found.remarks)


@given(st.binary(max_size=200))
@example(b"--- --- ---")
@example(b"\xff\xfe")
@example(b"[1, [2], {kind: 3}]")
@example(b'{"kind": "List", "items": [null, 1, {"kind": "Pod"}]}')
def test_any_bytes_are_read_without_an_exception(data):
    """Whatever it is, it is not a crash."""
    read(data)


def test_a_name_cannot_write_lines_of_its_own(tmp_path):
    """A manifest may come from an attacker: it never looks like another flow, nor like a message of ours."""
    forged = r'"a[Pod] : All Connections\nn/p[Pod] => n/secret"'
    (tmp_path / "all.yaml").write_text(f"kind: Pod\nmetadata: {{name: {forged}, namespace: n}}\n{POD}", "utf-8")
    answer = allows(tmp_path)
    assert set(answer.allowed.standing) == {"n/p[Pod]"}
    [lost] = answer.lost
    assert str(lost).isprintable()


def test_documents_are_found_however_they_follow_one_another():
    """A byte order mark, Windows line ends, comments on separators, JSON after JSON; each with its line."""
    yaml = (
        b"\xef\xbb\xbfkind: Pod\r\nmetadata: {name: a}\r\n--- # next\r\n\r\nkind: Pod\r\nmetadata: {name: b}\r\n...\n"
    )
    assert [(one.line, one.value.name) for one in read(yaml).found] == [(1, "a"), (5, "b")]
    stream = b'{"kind": "Pod", "metadata": {"name": "a"}}\n{"kind": "Pod",\n "metadata": {"name": "b"}}\n'
    assert [(one.line, one.value.name) for one in read(stream).found] == [(1, "a"), (2, "b")]
    flow = b"{kind: Pod, metadata: {name: a}}\n"
    assert [one.value.name for one in read(flow).found] == ["a"]


def test_many_documents_of_aliases_together_stay_within_one_bound():
    """Each alone is allowed; a thousand of them are not read a thousand times."""
    bomb = "---\na0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 17))
    found = read((bomb * 300 + POD).encode())
    assert [remark for remark in found.remarks if "repeat too much" in remark.what]
    assert not found.found  # what follows a fault is not taken


def test_lists_in_lists_are_what_they_list():
    """In their order, however deep; an item without a kind has that of the list it stands in."""
    pods = '{"kind": "PodList", "items": [{"metadata": {"name": "a"}}]}'
    nested = '{"kind": "List", "items": [' + pods + ', {"kind": "Job", "metadata": {"name": "b"}}]}'
    for text in (nested, f"[[{nested}]]", '{"kind": "List", "items": [' * 50 + nested + "]}" * 50):
        found = read(text.encode())
        assert [(one.kind, one.value.name) for one in found.found] == [("Pod", "a"), ("Job", "b")]
        assert not found.remarks


def test_of_two_manifests_of_one_workload_the_last_counts_in_the_order_of_kubectl(tmp_path):
    """Folders and files together by name: a folder `a` comes before a file `b`."""
    job = "kind: Job\nmetadata: {name: j}\nspec: {template: {metadata: {labels: {v: '%s'}}}}\n"
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "z.yaml").write_text(job % "first", "utf-8")
    shut = "---\nkind: NetworkPolicy\nmetadata: {name: x}\nspec: {podSelector: {matchLabels: {v: last}}}\n"
    (tmp_path / "b.yaml").write_text(job % "last" + shut, "utf-8")
    assert as_text(allows(tmp_path)) == "default/j[Job] => 0.0.0.0-255.255.255.255[External] : All Connections\n"
