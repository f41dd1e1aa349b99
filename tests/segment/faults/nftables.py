"""Faults of host rulesets."""

import msgspec

from ringfence.segment.compile import nftables, nftables_text
from ringfence.segment.compile.nftables import _Writer
from tests.segment.faults.cluster import LAB, NOTEBOOK, SERVE, hosts
from tests.segment.faults.fault import (
    Fault,
    edited,
    inside,
    joining,
    leaving,
    lost,
    misread,
    mistook,
    more,
    ruled,
    saying,
    swapped,
)

RED, BLUE = "red/train", "blue/train"


def _wide(real):
    return lambda text: real(text if "/" in text or ":" in text else f"{text}/24")


def _loopback_first(real):
    def base(self, parts, side):
        rules = real(self, parts, side)
        accept = f"{nftables_text.LOOPBACK[side]} accept"
        return [accept, *(rule for rule in rules if rule != accept)]

    return base


def _cgroups(change):
    return mistook(lambda world: msgspec.structs.replace(world, cgroups=change(world.cgroups)))


def _turned(allow):
    return msgspec.structs.replace(allow, source=allow.target, target=allow.source)


def _always(change):
    return inside(nftables_text, "ALWAYS", change)


FAULTS = (
    Fault("a set lacks a member", "break", (RED, RED), misread(leaving(RED, "ip", *hosts(3)))),
    Fault("a set has a member of another tenant", "leak", (RED, BLUE), misread(joining(RED, "ip", *hosts(6)))),
    Fault("addresses are taken for their /24", "leak", (RED, BLUE), inside(nftables, "span", _wide)),
    Fault("a network outside is one bit too wide", "leak", (RED, "*"), edited("203.0.113.0/24", "203.0.112.0/23")),
    Fault(
        "a network outside is one bit too narrow", "break", (RED, "world"), edited("203.0.113.0/24", "203.0.113.0/25")
    ),
    Fault(
        "addresses of version 6 are forgotten",
        "break",
        (RED, RED),
        inside(
            _Writer, "_elements", lambda real: lambda self, names: (real(self, names)[0], "", real(self, names)[2], "")
        ),
    ),
    Fault(
        "networks are forgotten",
        "break",
        (RED, "world"),
        inside(_Writer, "_elements", lambda real: lambda self, names: (*real(self, names)[:2], "", "")),
    ),
    Fault(
        "version 6 passes before all rules",
        "leak",
        (RED, BLUE),
        _always(lambda real: ["meta nfproto ipv6 accept", *real]),
    ),
    Fault(
        "a protocol passes before all rules",
        "leak",
        (RED, BLUE),
        _always(lambda real: ["meta l4proto udp accept", *real]),
    ),
    Fault(
        "rules say nothing of ports",
        "leak",
        ("slurm", RED),
        inside(nftables_text, "words_of", lambda real: lambda *_: ""),
    ),
    Fault(
        "a range of ports has one too many", "leak", ("slurm", RED), misread(saying("tcp/6818-6819", "tcp/6818-6820"))
    ),
    Fault("a range of ports has one too few", "break", ("slurm", RED), misread(saying("tcp/6818-6819", "tcp/6818"))),
    Fault("another port", "leak", ("login", RED), misread(saying("tcp/22", "tcp/23"))),
    Fault("UDP is written as TCP", "break", (RED, "slurm"), misread(saying("udp/53", "tcp/53"))),
    Fault(
        "the source's port instead of the target's",
        "leak",
        (RED, "storage"),
        edited("tcp dport 2049", "tcp sport 2049"),
    ),
    Fault("ICMP stands for everything", "leak", ("slurm", RED), misread(saying("icmp", "any"))),
    Fault("ICMP is left out", "break", ("slurm", RED), misread(ruled(lambda one: None if one.what == "icmp" else one))),
    Fault("source and target change places in a rule", "break", (RED, "storage"), misread(ruled(_turned))),
    Fault(
        "rules look at the wrong end's address",
        "break",
        (RED, "storage"),
        inside(nftables_text, "PEER", lambda real: {"in": real["out"], "out": real["in"]}),
    ),
    Fault(
        "what ends a chain accepts",
        "leak",
        (RED, BLUE),
        inside(nftables_text, "denied", lambda real: lambda _: real(True)),
    ),
    Fault(
        "the chain of what comes in begins with accept",
        "leak",
        ("login", RED),
        edited("ip saddr @blocked4 drop", "accept"),
    ),
    Fault(
        "nothing filters what goes out",
        "leak",
        (RED, "world"),
        edited("type filter hook output", "type filter hook forward"),
    ),
    Fault(
        "nothing filters what comes in",
        "leak",
        ("login", RED),
        edited("type filter hook input", "type filter hook forward"),
    ),
    Fault(
        "default verdict and last rule let pass",
        "leak",
        (RED, "world"),
        inside(_Writer, "_base", lambda real: lambda *args: [*real(*args)[:-1], "accept"]),
    ),
    Fault("hosts forward for others", "leak", ("*", "*"), edited("goto denied_forward", "accept")),
    Fault("answers are not let through", "break", (RED, "storage"), _always(lambda real: real[1:])),
    Fault(
        "new connections count as answers",
        "leak",
        (RED, BLUE),
        edited("established,related accept", "new,established accept"),
    ),
    Fault(
        "neighbour discovery is not held to the link",
        "leak",
        (RED, BLUE),
        edited(" ip6 hoplimit 255 accept", " accept"),
    ),
    Fault("the table is of version 4 only", "leak", (RED, BLUE), edited("table inet ringfence", "table ip ringfence")),
    Fault(
        "a blocked set begins with a host in it",
        "break",
        (RED, RED),
        inside(
            nftables_text,
            "blocked",
            lambda real: lambda: real().replace("flags timeout", "flags timeout\n\t\telements = { 10.0.0.2 }", 1),
        ),
    ),
    Fault(
        "a control group's level is off by one",
        "break",
        ("red/notebook", "storage"),
        inside(nftables_text, "cgroup", lambda _: lambda path: f'socket cgroupv2 level {path.count("/")} "{path}"'),
    ),
    Fault(
        "a control group is that of another job",
        "leak",
        ("blue/lab", "storage"),
        _cgroups(lambda real: {**real, NOTEBOOK: real[LAB], LAB: real[NOTEBOOK]}),
    ),
    Fault(
        "two jobs share a control group",
        "leak",
        ("red/notebook", "blue/lab"),
        _cgroups(lambda real: {**real, LAB: real[SERVE]}),
    ),
    Fault("a job is left out", "break", ("red/notebook", "storage"), misread(leaving("red/notebook", "ip", NOTEBOOK))),
    Fault(
        "the loopback passes before the jobs' rules",
        "leak",
        ("red/notebook", "blue/lab"),
        inside(_Writer, "_base", _loopback_first),
    ),
    Fault(
        "connections of all jobs bear one mark",
        "leak",
        ("blue/lab", "red/serve"),
        inside(nftables, "marks_of", lambda _: lambda paths: dict.fromkeys(paths, "0x00000001")),
    ),
    Fault(
        "a job's own part of the host accepts all",
        "leak",
        ("blue/lab", "storage"),
        inside(_Writer, "_job", lambda real: lambda *args: ["accept"]),
    ),
    Fault(
        "what is beyond a budget is accepted", "leak", (RED, "world"), inside(_Writer, "_beyond", lambda _: "accept")
    ),
    Fault(
        "segments without payload pass though nobody opened the connection",
        "leak",
        (RED, "world"),
        edited("ct state established meta l4proto tcp meta length <= 100 jump bare", "meta l4proto tcp jump acks"),
    ),
    Fault("a host loads nothing", "leak", (RED, "login"), lost("host:gpu2")),
    Fault("two hosts have each other's rules", "break", (RED, RED), swapped("host:gpu2", "host:gpu6")),
    Fault("a rule is read into the policy", "leak", (BLUE, RED), misread(more(BLUE, RED, "ip", "tcp/22"))),
)
"""Each is one kind of rule, set or word of a ruleset."""
