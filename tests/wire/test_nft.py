"""nftables rulesets are read alike from text and from JSON; what cannot be read is said, never guessed, never slow."""

import random
import time
from contextlib import suppress

import msgspec
import pytest

from ringfence.errors import InputError
from ringfence.wire.nft import json, text
from ringfence.wire.nft.rules import rule
from ringfence.wire.nft.values import Match, Quota, Rule

LISTED = """table inet ringfence {
	comment "whose"
	counter denied_in {
		packets 7 bytes 420
	}

	quota spend_1 {
		over 2 mbytes used 1 kbytes
	}

	set blocked4 {
		type ipv4_addr
		flags timeout
		elements = { 10.9.9.9 timeout 1h expires 59m59s984ms,
			10.9.9.8 timeout 5m expires 1m }
	}

	set networks {
		type ipv4_addr
		flags interval
		elements = { 10.0.0.0/8, 192.0.2.1-192.0.2.9 }
	}

	map theirs {
		type ipv4_addr : verdict
		elements = { 10.0.0.1 : accept }
	}

	chain denied_in {
		counter name "denied_in" drop
	}

	chain input {
		type filter hook input priority filter - 5; policy drop;
		ip saddr @blocked4 drop
		ct state established,related accept
		tcp dport { 22, 6817-6820 } ip saddr @networks limit rate over 1 mbytes/second burst 64 kbytes drop
		socket cgroupv2 level 2 "slurm/job_1" ct mark set 0x00000007 goto denied_in
		iif "lo" ct mark != { 0x00000007, 0x00000009 } accept
		goto denied_in
	}
}
"""
AS_JSON = {
    "nftables": [
        {"metainfo": {"version": "1.0.6"}},
        {"table": {"family": "inet", "name": "ringfence", "handle": 1}},
        {"counter": {"family": "inet", "table": "ringfence", "name": "denied_in", "packets": 7, "bytes": 420}},
        {"quota": {"family": "inet", "table": "ringfence", "name": "spend_1", "bytes": 2 << 20, "used": 1024}},
        {
            "set": {
                "family": "inet",
                "table": "ringfence",
                "name": "blocked4",
                "type": "ipv4_addr",
                "flags": ["timeout"],
                "elem": [
                    {"elem": {"val": "10.9.9.9", "timeout": 3600, "expires": 3599}},
                    {"elem": {"val": "10.9.9.8", "timeout": 300, "expires": 60}},
                ],
            }
        },
        {
            "set": {
                "family": "inet",
                "table": "ringfence",
                "name": "networks",
                "type": "ipv4_addr",
                "flags": ["interval"],
                "elem": [{"prefix": {"addr": "10.0.0.0", "len": 8}}, {"range": ["192.0.2.1", "192.0.2.9"]}],
            }
        },
        {"map": {"family": "inet", "table": "ringfence", "name": "theirs", "type": "ipv4_addr", "map": "verdict"}},
        {"chain": {"family": "inet", "table": "ringfence", "name": "denied_in"}},
        {
            "chain": {
                "family": "inet",
                "table": "ringfence",
                "name": "input",
                "type": "filter",
                "hook": "input",
                "prio": -5,
                "policy": "drop",
            }
        },
        {
            "rule": {
                "family": "inet",
                "table": "ringfence",
                "chain": "denied_in",
                "expr": [{"counter": "denied_in"}, {"drop": None}],
            }
        },
        *(
            {"rule": {"family": "inet", "table": "ringfence", "chain": "input", "expr": expr}}
            for expr in (
                [
                    {
                        "match": {
                            "op": "==",
                            "left": {"payload": {"protocol": "ip", "field": "saddr"}},
                            "right": "@blocked4",
                        }
                    },
                    {"drop": None},
                ],
                [
                    {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]}},
                    {"accept": None},
                ],
                [
                    {
                        "match": {
                            "op": "==",
                            "left": {"payload": {"protocol": "tcp", "field": "dport"}},
                            "right": {"set": [22, {"range": [6817, 6820]}]},
                        }
                    },
                    {
                        "match": {
                            "op": "==",
                            "left": {"payload": {"protocol": "ip", "field": "saddr"}},
                            "right": "@networks",
                        }
                    },
                    {
                        "limit": {
                            "rate": 1,
                            "burst": 64,
                            "per": "second",
                            "inv": True,
                            "rate_unit": "mbytes",
                            "burst_unit": "kbytes",
                        }
                    },
                    {"drop": None},
                ],
                [
                    {"match": {"op": "==", "left": {"socket": {"key": "cgroupv2"}}, "right": "slurm/job_1"}},
                    {"mangle": {"key": {"ct": {"key": "mark"}}, "value": 7}},
                    {"goto": {"target": "denied_in"}},
                ],
                [
                    {"match": {"op": "==", "left": {"meta": {"key": "iif"}}, "right": "lo"}},
                    {"match": {"op": "!=", "left": {"ct": {"key": "mark"}}, "right": {"set": [7, 9]}}},
                    {"accept": None},
                ],
                [{"goto": {"target": "denied_in"}}],
            )
        ),
    ]
}


def test_text_and_json_say_the_same() -> None:
    """But for the level of a control group, which JSON leaves out."""
    plain = LISTED.replace("socket cgroupv2 level 2", "socket cgroupv2 level 0")
    one = text.read(plain.encode()).ours
    other = json.read(msgspec.json.encode(AS_JSON)).ours
    assert one
    assert other
    leveled = Match("socket cgroupv2 level 0", "==", ("slurm/job_1",))
    rules = [
        msgspec.structs.replace(each, matches=(leveled,)) if "cgroupv2" in str(each.matches) else each
        for each in other.chains["input"].rules
    ]
    chains = {**other.chains, "input": msgspec.structs.replace(other.chains["input"], rules=tuple(rules))}
    assert one == msgspec.structs.replace(other, chains=chains)
    assert one.quotas == {"spend_1": Quota("spend_1", 2 << 20, 1024)}
    assert one.sets["blocked4"].elements == ("10.9.9.9", "10.9.9.8")
    assert one.others == ("theirs",)


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("ip saddr 10.0.0.1 xt match owner accept", "accept"),
        ("ct state vmap { established : accept, invalid : drop }", "unknown"),
        ("ip saddr . tcp dport @pairs drop", "drop"),
        ("meta mark & 0xff == 1 jump elsewhere", "jump elsewhere"),
        ("tcp flags & (fin|syn) == syn queue", "unknown"),
        ("accept drop", "accept"),
        ("masquerade", ""),
        ("ip saddr", ""),
        ("ip saddr { 10.0.0.1", ""),
        ("jump", "unknown"),
    ],
)
def test_what_is_not_understood_is_kept_as_unknown_with_what_it_may_do(line: str, verdict: str) -> None:
    found = rule(line)
    assert found.unknown
    assert found.verdict == verdict


def test_what_is_understood_has_nothing_unknown() -> None:
    assert rule('iifname "eth*" log prefix "x: " level info counter packets 1 bytes 2 accept comment "why"') == Rule(
        (Match("iifname", "==", ("eth*",)),), "accept"
    )


@pytest.mark.parametrize(
    "broken",
    [
        "table inet ringfence {\n",
        "table inet x {\n\tchain a {\n\t\taccept\n\t}\n",
        "flush ruleset\n",
        "table inet x {\n\tset a {\n\t\telements = { 10.0.0.1,\n",
        "table inet x {\n\tquota a {\n\t\tover much\n\t}\n}\n",
        "table inet x {\n\tquota a {\n\t\t100 bytes\n\t}\n}\n",
        "table inet x {\n\tchain a {\n\t\ttype filter hook input; drop\n\t}\n}\n",
        "table inet x {\n}\ntable inet x {\n}\n",
        "table inet x {\n\tchain a {\n\t}\n\tchain a {\n\t}\n}\n",
        "table inet x {\n\taccept\n}\n",
    ],
)
def test_text_that_is_no_listing_is_refused_with_its_line(broken: str) -> None:
    with pytest.raises(InputError) as refused:
        text.read(broken.encode())
    assert refused.value.line > 0


def _in_table(what: bytes) -> bytes:
    return b'{"nftables": [{"table": {"family": "inet", "name": "x"}}, {' + what + b"}]}"


@pytest.mark.parametrize(
    "broken",
    [
        b"{}",
        b"[]",
        b'{"nftables": 1}',
        b'{"nftables": [{"rule": {}}]}',
        _in_table(b'"rule": {"family": "inet", "table": "x"}'),
        _in_table(b'"set": {"family": "inet", "table": "x", "name": "s", "elem": [true]}'),
        _in_table(b'"quota": {"family": "inet", "table": "x", "name": "q", "bytes": -1}'),
        b'{"nftables": [{"a": 1, "b": 2}]}',
    ],
)
def test_json_that_is_no_listing_is_refused(broken: bytes) -> None:
    with pytest.raises(InputError):
        json.read(broken)


@pytest.mark.parametrize("seed", range(200))
def test_damage_is_read_or_refused(seed: int) -> None:
    chance = random.Random(seed)
    for form, reader in ((LISTED.encode(), text.read), (msgspec.json.encode(AS_JSON), json.read)):
        data = bytearray(form)
        for _ in range(chance.randint(1, 6)):
            at, how = chance.randrange(len(data)), chance.randrange(3)
            if how == 0:
                data[at] = chance.randrange(256)
            elif how == 1:
                del data[at : at + chance.randint(1, 40)]
            else:
                data[at:at] = chance.choice([b"{", b"}", b'"', b",", b"@", b" drop ", b"null", b"[", b"\n"])
        with suppress(InputError):
            reader(bytes(data))


@pytest.mark.parametrize(
    "filler",
    ["{ ", "a, ", "ip saddr ", '"', "limit rate ", "ct state ", "counter ", "& ", "ip saddr { a } ", "elements = { "],
)
def test_a_long_line_takes_linear_time(filler: str) -> None:
    """The bound is absolute and many times what a slow machine needs; what is quadratic misses it by orders."""
    line = "table inet x {\n\tchain a {\n\t\t" + filler * 40_000 + "\n\t}\n}\n"
    start = time.process_time()
    with suppress(InputError):
        text.read(line.encode())
    assert time.process_time() - start < 3.0


@pytest.mark.parametrize(
    ("line", "flags"), [("flags dormant", ("dormant",)), ("flags owner,persist", ("owner", "persist"))]
)
def test_the_flags_of_a_table_are_read_from_text(line: str, flags: tuple[str, ...]) -> None:
    assert text.read(f"table inet x {{\n\t{line}\n}}\n".encode()).tables[0].flags == flags


@pytest.mark.parametrize(
    ("said", "flags"),
    [('"dormant"', ("dormant",)), ('["dormant", "owner"]', ("dormant", "owner")), ('"q"', ("q",)), ("3", ("3",))],
)
def test_the_flags_of_a_table_are_read_from_json_whatever_stands_there(said: str, flags: tuple[str, ...]) -> None:
    """nft 1.0.6 prints one meaningless byte for `dormant`."""
    data = f'{{"nftables": [{{"table": {{"family": "inet", "name": "x", "flags": {said}}}}}]}}'
    assert json.read(data.encode()).tables[0].flags == flags


@pytest.mark.parametrize(
    "content",
    [
        "table inet a {\n}\ndelete table inet ringfence\n",
        "table inet a {\n}\ntable inet ringfence\n",
        "table inet a {\n\tflags dormant; }; delete table inet a; table inet b {\n}\n",
        'table inet a {\n\tchain c {\n\t\tcomment "x"; }; }; delete table inet a; table inet b { chain d {\n\t}\n}\n',
        "table inet a {\n\tchain c {\n\t\taccept; }; delete table inet a\n\t}\n}\n",
        "table inet a {\n\tset s {\n\t\ttype ipv4_addr; }; }; delete table inet a; table inet b { set t {\n\t}\n}\n",
        "table inet a {\n\tset s {\n\t\telements = { 10.0.0.1 }; }; delete table inet a }\n\t}\n}\n",
        "table inet a {\n\tmap m {\n\t\ttype ipv4_addr : verdict\n\t} } delete table inet a\n}\n",
    ],
)
def test_what_would_be_a_command_to_nft_is_no_listing(content: str) -> None:
    with pytest.raises(InputError):
        text.read(content.encode())
