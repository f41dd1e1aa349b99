"""Observed connections are read from every form, and judged by the policy."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.errors import Problem
from ringfence.estate.kinds import OUTSIDE
from ringfence.segment.inventory import Inventory, PodFacts
from ringfence.segment.learn import Judge, suggested
from ringfence.segment.model import Allow, Group, Policy
from ringfence.wire.flows import Flow, read

FLOWS = Path(__file__).parents[1] / "fixtures" / "flows"


def _read(name: str) -> tuple[list[Flow], list[Problem]]:
    found = list(read(name, (FLOWS / name).read_text().splitlines(keepends=True)))
    return [one for one in found if isinstance(one, Flow)], [one for one in found if isinstance(one, Problem)]


def test_conntrack_tells_who_opened_and_how_much_went_each_way() -> None:
    flows, problems = _read("conntrack.txt")
    assert flows[0] == Flow("10.0.0.1", "10.0.0.2", "tcp", 22, 5000, 7000, 0.0, 1)
    assert [(one.protocol, one.port) for one in flows] == [("tcp", 22), ("udp", 53), ("tcp", 443), ("icmp", 0)]
    assert [problem.line for problem in problems] == [6]  # the tool's own closing words


def test_zeek_names_its_columns_and_unfinished_business_is_left_out() -> None:
    flows, problems = _read("conn.log")
    assert not problems
    assert [(one.source, one.port, one.sent, one.when) for one in flows] == [
        ("10.0.0.1", 22, 5000, 1732300000.5),
        ("10.0.0.2", 5353, 0, 1732300001.5),
    ]


def test_hubble_names_pods_and_answers_are_no_openings() -> None:
    flows, problems = _read("hubble.json")
    assert not problems
    assert [(one.source, one.target, one.port) for one in flows] == [
        ("pod:default/serve/web-1", "pod:default/models/llm-0", 8080),
        ("pod:default/serve/web-1", "192.0.2.7", 53),
    ]


def test_our_own_form_takes_entities_and_addresses() -> None:
    flows, problems = _read("flows.ndjson")
    assert [one.source for one in flows] == ["host:a1", "10.0.0.1"]
    assert [problem.line for problem in problems] == [3]


@given(st.lists(st.text(max_size=200), max_size=8))
def test_no_line_is_more_than_a_problem(lines: list[str]) -> None:
    for one in read("x", lines):
        assert isinstance(one, Flow | Problem)


KEYS = ["source", "target", "protocol", "port", "flow", "l4", "id.orig_h", "id.resp_h", "proto", "ts"]
LEAVES = st.none() | st.integers() | st.text(max_size=9)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner))


@given(st.dictionaries(st.sampled_from(KEYS), VALUES))
def test_no_record_is_more_than_a_problem(record: dict[str, object]) -> None:
    for one in read("x", [msgspec.json.encode(record).decode()]):
        assert isinstance(one, Flow | Problem)


GROUPS = {
    "gang": Group("gang", "gang", "red", {"ip": ("host:a1", "host:a2")}),
    "nfs": Group("nfs", "service", "", {"ip": ("host:nfs",)}),
    "campus": Group("campus", "outside", "", {"ip": ("network:10.200.0.0/16",)}),
    "printer": Group("printer", "role", "", {"ip": ("host:printer",)}),
}
POLICY = Policy(
    GROUPS,
    (
        Allow("gang", "gang", "ip", "any", "ranks"),
        Allow("gang", "nfs", "ip", "tcp/2049", "mounts"),
        Allow("campus", "gang", "ip", "tcp/22", "logins"),
    ),
)
INVENTORY = Inventory(
    addresses={
        "host:a1": ("10.0.0.1", "fd00::1"),
        "host:a2": ("10.0.0.2",),
        "host:nfs": ("10.0.1.1",),
        "host:printer": ("10.0.9.9",),
        "network:10.200.0.0/16": ("10.200.0.0/16",),
    },
    enforcers={"nftables": ("host:a1", "host:a2", "host:nfs")},
)


@pytest.mark.parametrize(
    ("source", "target", "protocol", "port", "verdict"),
    [
        ("10.0.0.1", "10.0.0.2", "udp", 9, "allowed"),
        ("fd00::1", "10.0.1.1", "tcp", 2049, "allowed"),
        ("10.0.0.1", "10.0.1.1", "tcp", 22, "cut"),
        ("10.200.3.4", "10.0.0.1", "tcp", 22, "allowed"),
        ("10.200.3.4", "10.0.0.1", "tcp", 23, "cut"),
        ("10.0.0.1", "10.200.3.4", "tcp", 22, "cut"),
        ("10.0.0.1", "192.0.2.1", "tcp", 443, "cut"),
        ("10.0.9.9", "192.0.2.1", "tcp", 443, "unfenced"),
        ("host:a1", "host:nfs", "tcp", 2049, "allowed"),
    ],
)
def test_a_connection_is_judged_by_the_rule_that_it_needs(
    source: str, target: str, protocol: str, port: int, verdict: str
) -> None:
    assert Judge(POLICY, INVENTORY).judge(Flow(source, target, protocol, port)).verdict == verdict


def test_kinds_of_connection_are_counted_and_what_is_cut_comes_first() -> None:
    flows = [Flow("10.0.0.1", "10.0.0.2", "tcp", 1, 5, when=7.0)] * 3 + [Flow("10.0.0.1", "10.0.1.1", "tcp", 22)]
    first, second = Judge(POLICY, INVENTORY).summary(flows)
    assert (first.verdict, first.port) == ("cut", 22)
    assert (second.flows, second.sent) == (3, 15)
    assert list(suggested([first])) == [("host:a1", "host:nfs", "tcp/22", "observed 1 times")]


def test_an_address_that_the_estate_does_not_know_is_said_to_be_unknown() -> None:
    judged = Judge(POLICY, INVENTORY).judge(Flow("10.0.0.1", "192.0.2.1", "tcp", 443))
    assert judged.unknown
    assert "192.0.2.1" in judged.why


PODS = Policy(
    {
        "web": Group("web", "gang", "red", {"pod": ("pod:c1/serve/web-1",)}),
        "llm": Group("llm", "gang", "red", {"pod": ("pod:c1/models/llm-0", "pod:c2/models/other-0")}),
        "node": Group("node", "gang", "red", {"pod": ("pod:c1/serve/node-1",)}),
        "platform": Group("platform", "service", "", {"pod": ("namespace:c1/kube-system", "pod:c1/kube-system/dns-1")}),
        "api": Group("api", "outside", "", {"pod": ("network:10.0.0.0/30",)}),
        "outside": Group("outside", "outside", "", {"pod": (OUTSIDE,)}),
    },
    (
        Allow("web", "llm", "pod", "tcp/8080", "calls it"),
        Allow("web", "platform", "pod", "udp/53", "names"),
        Allow("web", "api", "pod", "tcp/6443", "token"),
        Allow("platform", "outside", "pod", "any", "upstreams"),
    ),
)
CLUSTERS = Inventory(
    addresses={"pod:c1/serve/web-1": ("10.1.0.4",), "host:a1": ("10.0.0.1",)},
    pods={
        **{one: PodFacts() for group in PODS.groups.values() for one in group.on("pod") if one.startswith("pod:")},
        "pod:c1/serve/node-1": PodFacts(host_network=True),
        "pod:c1/twice/x": PodFacts(),
        "pod:c2/twice/x": PodFacts(),
    },
    host_of={"pod:c1/serve/node-1": "host:a9"},
    enforcers={"kubernetes": ("cluster:c1",)},
)


@pytest.mark.parametrize(
    ("source", "target", "protocol", "port", "verdict"),
    [
        ("10.1.0.4", "pod:c1/models/llm-0", "tcp", 8080, "allowed"),
        ("10.1.0.4", "pod:c1/models/llm-0", "tcp", 22, "cut"),
        ("pod:c1/models/llm-0", "pod:c1/serve/web-1", "tcp", 8080, "cut"),
        ("pod:c1/serve/web-1", "8.8.8.8", "tcp", 443, "cut"),
        ("8.8.8.8", "pod:c1/serve/web-1", "tcp", 443, "cut"),
        ("pod:c1/serve/web-1", "10.0.0.1", "tcp", 6443, "allowed"),
        ("pod:c1/serve/web-1", "10.0.0.5", "tcp", 6443, "cut"),
        ("pod:c1/kube-system/dns-1", "8.8.8.8", "udp", 53, "allowed"),
        ("pod:c1/serve/web-1", "pod:c1/kube-system/new-7", "udp", 53, "allowed"),
        ("pod:c2/models/other-0", "8.8.8.8", "udp", 53, "unfenced"),
        ("pod:c1/serve/node-1", "8.8.8.8", "udp", 53, "unfenced"),
        ("pod:default/serve/web-1", "pod:default/models/llm-0", "tcp", 8080, "allowed"),
        ("pod:default/serve/web-1", "pod:default/models/llm-0", "tcp", 22, "cut"),
        ("pod:default/twice/x", "pod:c2/models/other-0", "tcp", 22, "unfenced"),
    ],
)
def test_pods_are_judged_by_what_stands_before_them(
    source: str, target: str, protocol: str, port: int, verdict: str
) -> None:
    assert Judge(PODS, CLUSTERS).judge(Flow(source, target, protocol, port)).verdict == verdict


def test_a_pod_without_its_cluster_is_found_where_only_one_is_called_so() -> None:
    judge = Judge(PODS, CLUSTERS)
    assert judge.judge(Flow("pod:default/serve/web-1", "8.8.8.8", "tcp", 1)).source == "pod:c1/serve/web-1"
    assert judge.judge(Flow("pod:default/twice/x", "8.8.8.8", "tcp", 1)).source == "pod:default/twice/x"
    assert judge.judge(Flow("pod:c3/serve/web-1", "8.8.8.8", "tcp", 1)).source == "pod:c3/serve/web-1"
