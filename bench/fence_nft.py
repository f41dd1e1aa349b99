"""The hosts' fence: compile and prove from scratch; and what one more member costs against a full reload, for real.

python -m bench.fence_nft 10000        hosts; JSON on standard output; as root, in a network namespace of its own
"""

import ctypes
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from ringfence.collect.nft import Nft
from ringfence.enforce.nftables import Nftables
from ringfence.segment.compile.nftables import compile_nftables
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Allow, Artefact, Group, Policy
from ringfence.segment.prove.ip import prove_ip

GANG, SERVICES = 8, 10
_NEWNET = 0x40000000


def plane(hosts: int) -> tuple[Policy, Inventory]:
    """Gangs of 8 hosts, ten services that each gang reaches, and one that reaches every host."""
    names = [f"host:h{at}" for at in range(hosts)]
    services = {f"service:s{at}": f"host:s{at}" for at in range(SERVICES)}
    groups = {name: Group(name, "service", "", {"ip": (host,)}) for name, host in services.items()}
    groups["hosts"] = Group("hosts", "role", "", {"ip": tuple(sorted(names))})
    allows = [Allow("service:s0", "hosts", "ip", "tcp/22", "administration")]
    for at in range(0, hosts, GANG):
        gang = f"gang:{at // GANG}"
        groups[gang] = Group(gang, "gang", f"tenant:{at // GANG % 50}", {"ip": tuple(sorted(names[at : at + GANG]))})
        allows.append(Allow(gang, gang, "ip", "any", "ranks"))
        allows += [Allow(gang, name, "ip", f"tcp/{2000 + int(name[9:])}", "service") for name in services]
    addresses: dict[str, tuple[str, ...]] = {
        name: (f"10.{at >> 16}.{at >> 8 & 255}.{at & 255}", f"fd00::{at + 1:x}") for at, name in enumerate(names)
    }
    addresses |= {host: (f"10.200.0.{at + 1}",) for at, host in enumerate(services.values())}
    return Policy(groups, tuple(sorted(allows))), Inventory(
        addresses=addresses, enforcers={"nftables": (*names, *services.values())}
    )


def thought(hosts: int) -> dict[str, Any]:
    """Seconds to compile and to prove."""
    policy, inventory = plane(hosts)
    start = time.process_time()
    compiled = compile_nftables(policy, inventory)
    middle = time.process_time()
    proof = prove_ip(policy, inventory, compiled.artefacts, compiled.residuals)
    end = time.process_time()
    return {
        "hosts": hosts,
        "artefacts": len(compiled.artefacts),
        "compile_s": round(middle - start, 3),
        "prove_s": round(end - middle, 3),
        "holds": proof.holds,
    }


def _one_host(members: int) -> Artefact:
    names = [f"host:h{at}" for at in range(members)]
    addresses: dict[str, tuple[str, ...]]
    addresses = {name: (f"10.{at >> 16}.{at >> 8 & 255}.{at & 255}",) for at, name in enumerate(names)}
    policy = Policy({"a": Group("a", "gang", "t", {"ip": tuple(sorted(names))})}, (Allow("a", "a", "ip", "any", ""),))
    return compile_nftables(policy, Inventory(addresses=addresses, enforcers={"nftables": (names[0],)})).artefacts[0]


def loaded(members: int, turns: int = 15) -> dict[str, Any]:
    """Milliseconds at the median, on a host whose two sets hold `members` each."""
    nft, host = Nft(), Nftables("host:h0")
    few, many = _one_host(members), _one_host(members + 1)
    extra = f"10.{members >> 16}.{members >> 8 & 255}.{members & 255}"
    element = f"element inet ringfence in_any_v4 {{ {extra} }}"

    def flipped(one: Artefact) -> Callable[[], object]:
        return lambda: host.apply(one)

    host.apply(few)
    add = [(_seconds(lambda: nft.run(f"add {element}")), nft.run(f"delete {element}"))[0] for _ in range(turns)]
    whole = [_seconds(lambda: nft.run(few.text)) for _ in range(turns)]
    read = [_seconds(host.read) for _ in range(turns)]
    apply = [_seconds(flipped((few, many)[turn % 2])) for turn in range(turns)]
    shown = {"add_one": add, "reload": whole, "read_back": read, "apply_one_with_both_read_backs": apply}
    medians = {f"{name}_ms": round(statistics.median(each) * 1000, 3) for name, each in shown.items()}
    return {"members": members, **medians, "reload_over_add": round(medians["reload_ms"] / medians["add_one_ms"])}


def _seconds(what: Callable[[], object]) -> float:
    start = time.perf_counter()
    what()
    return time.perf_counter() - start


def main() -> None:
    hosts = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    found: dict[str, Any] = {"thought": thought(hosts)}
    if os.geteuid() == 0 and ctypes.CDLL(None).unshare(_NEWNET) == 0:
        found["loaded"] = loaded(hosts)
    json.dump(found, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
