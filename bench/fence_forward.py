"""What a host's ruleset costs the packets that pass: iperf3 between two namespaces, with and without it.

python -m bench.fence_forward 10000        members of the host's set; JSON on standard output; as root
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from tests.live.netns import Namespace

from ringfence.segment.compile.nftables import compile_nftables
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Allow, Budget, Group, Policy

SECONDS, TURNS = 2, 3
HOURLY = 1 << 46
"""Bytes an hour that no pair of namespaces reaches: the meter is passed, and lets everything pass."""

_KINDS = {"tcp_gbit_s": (), "udp_64_byte_packets_s": ("-u", "-b", "0", "-l", "64")}


def ruleset(members: int, *, metered: bool) -> str:
    """The table of the first of `members` hosts, all of one gang."""
    names = [f"host:h{at}" for at in range(members)]
    addresses: dict[str, tuple[str, ...]] = {
        name: (f"10.{9 + (at + 1 >> 16)}.{at + 1 >> 8 & 255}.{at + 1 & 255}",) for at, name in enumerate(names)
    }
    gang = Group("a", "gang", "t", {"ip": tuple(sorted(names))})
    spent = (Budget("dataset:x", HOURLY, (names[0],), ("a",), "bench"),) if metered else ()
    policy = Policy({"a": gang}, (Allow("a", "a", "ip", "any", "ranks"),), spent)
    inventory = Inventory(addresses=addresses, enforcers={"nftables": (names[0],)})
    (made,) = compile_nftables(policy, inventory).artefacts
    return made.text


@contextmanager
def pair() -> Iterator[tuple[Namespace, Namespace]]:
    """Two namespaces with a cable between them: 10.9.0.1 and 10.9.0.2."""
    ends = Namespace(), Namespace()
    try:
        ends[0].run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", ends[1].path)
        for at, end in enumerate(ends):
            lines = ["link set lo up", "link set eth0 up", f"addr add 10.9.0.{at + 1}/8 dev eth0"]
            end.run("ip", "-batch", "-", given="\n".join(lines))
        yield ends
    finally:
        for end in ends:
            end.close()


def measure(members: int, seconds: float = SECONDS, turns: int = TURNS) -> dict[str, Any]:
    """Medians in turn of no ruleset, the ruleset, and the ruleset with a budget, loaded where the traffic starts."""
    texts = {"none": "", **{name: ruleset(members, metered=name != "fenced") for name in ("fenced", "metered")}}
    found: dict[str, dict[str, list[float]]] = {name: {kind: [] for kind in _KINDS} for name in texts}
    with (
        pair() as (start, end),
        subprocess.Popen(end.command("iperf3", "--server", "--bind", "10.9.0.2"), stdout=subprocess.DEVNULL) as server,
    ):
        try:
            for _ in range(turns):
                for name, text in texts.items():
                    start.run("nft", "-f", "-", given=f"flush ruleset\n{text}")
                    for kind, options in _KINDS.items():
                        found[name][kind].append(_once(start, kind, seconds, *options))
        finally:
            server.terminate()
    shown = {name: {kind: median(all_) for kind, all_ in kinds.items()} for name, kinds in found.items()}
    ratios = {
        f"{name}_over_none": {kind: round(shown[name][kind] / shown["none"][kind], 3) for kind in _KINDS}
        for name in ("fenced", "metered")
    }
    return {"members": members, **ratios, **shown, "link": "veth between two namespaces, both ends on this machine"}


def _once(start: Namespace, kind: str, seconds: float, *options: str) -> float:
    said = start.run(
        *("iperf3", "--client", "10.9.0.2", "--connect-timeout", "5000", "--json"), *("-t", str(seconds)), *options
    )
    end = json.loads(said)["end"]
    if kind == "tcp_gbit_s":
        return round(float(end["sum_received"]["bits_per_second"]) / 1e9, 2)
    return round(float(end["sum"]["packets"]) / float(end["sum"]["seconds"]))


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000), indent=1))
