"""Ingress and Route: which ports of which workloads a controller at the edge leads to.

Kubernetes API reference, "Ingress" and "Service"; OpenShift, "Route". The controller itself is not in the
manifests: what it may reach is what any pod in a namespace of its own may reach.
"""

from collections.abc import Iterator

from ringfence.segment.prove.netpol.ports import ALL_TCP, NONE, Ports, ports
from ringfence.segment.prove.netpol.world import World, members
from ringfence.wire.netpol.values import Gate, Service, ServicePort, Workload


def led_to(world: World, notes: list[str]) -> dict[int, Ports]:
    """Ports by workload number. `notes` receives the services that are not there."""
    services = {(one.namespace, one.name): one for one in world.cluster.services}
    found: dict[int, Ports] = {}
    for gate in world.cluster.gates:
        for name, asked in gate.backends:
            service = services.get((gate.namespace, name))
            if service is None:
                notes.append(f"{gate.kind} {gate.namespace}/{gate.name}: there is no service {name}")
                continue
            for at in members(world.selected(service.pods, None, service.namespace)):
                open_ = _ports(world.workloads[at], service, gate.kind, asked)
                found[at] = found.get(at, NONE) | open_
    return found


def blocked(gates: tuple[Gate, ...], workload: Workload) -> str:
    """What to tell where policies close the way that a gate opens."""
    kinds = " and ".join(sorted({gate.kind for gate in gates if gate.namespace == workload.namespace}))
    return f"{kinds} lead to {workload}, but its policies let no pod of another namespace in"


def _ports(workload: Workload, service: Service, kind: str, asked: int | str) -> Ports:
    exposed = ALL_TCP if workload.kind == "VirtualMachine" else _exposed(workload)
    targets = (_number(workload, target) for target in _targets(service.ports, kind, asked))
    return exposed & ports(("TCP", number, number) for number in targets if number)


def _exposed(workload: Workload) -> Ports:
    return ports(("TCP", port.number, port.number) for port in workload.ports)


def _targets(offered: tuple[ServicePort, ...], kind: str, asked: int | str) -> Iterator[int | str]:
    """Where a service leads: the first of its ports that is meant, or all where none is asked for."""
    for port in offered:
        if not asked:
            yield port.target or port.number
        elif asked in _called(port, kind):
            yield port.target or port.number
            return


def _called(port: ServicePort, kind: str) -> tuple[int | str, ...]:
    """What a gate may call a service's port. An Ingress knows its name, not the name of the containers' port."""
    if kind == "Ingress" and isinstance(port.target, str):
        return port.number, port.name
    return port.number, port.name, port.target


def _number(workload: Workload, target: int | str) -> int:
    if isinstance(target, int):
        return target
    found = (port.number for port in workload.ports if port.name == target and port.protocol == "TCP")
    return next(found, 0)
