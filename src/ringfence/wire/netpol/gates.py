"""Services, and the Ingress and Route objects that lead to them from outside."""

from collections.abc import Iterator

from ringfence.wire.netpol import labels, shapes
from ringfence.wire.netpol.values import Gate, Service, ServicePort
from ringfence.wire.netpol.workloads import DEFAULT


def service(kind: str, written: shapes.Service, notes: list[str]) -> tuple[Service, ...]:
    """A Service with a selector; others point to what is not in the manifests."""
    del kind
    spec, meta = written.spec or shapes.ServiceSpec(), written.metadata
    if spec.selector is None:
        notes.append(f"service {meta.name} has no selector and is left out")
        return ()
    ports = tuple(ServicePort(port.port, port.name or "", port.target_port or 0) for port in spec.ports or ())
    return (Service(meta.namespace or DEFAULT, meta.name or "", labels.of_labels(spec.selector), ports),)


def ingress(kind: str, written: shapes.Ingress, notes: list[str]) -> tuple[Gate, ...]:
    """An Ingress: its default backend and those of its paths."""
    spec = written.spec or shapes.IngressSpec()

    def backends() -> Iterator[tuple[str, int | str]]:
        paths = (path.backend for rule in spec.rules or () if rule.http for path in rule.http.paths or ())
        for backend in (*((spec.default_backend,) if spec.default_backend else ()), *paths):
            if backend.service is None:
                notes.append(f"ingress {written.metadata.name}: a backend that is no service is left out")
                continue
            port = backend.service.port or shapes.BackendPort()
            yield backend.service.name, port.name or port.number or 0

    return (Gate(written.metadata.namespace or DEFAULT, written.metadata.name or "", kind, tuple(backends())),)


def route(kind: str, written: shapes.Route, notes: list[str]) -> tuple[Gate, ...]:
    """An OpenShift Route: its target and the alternates."""
    spec = written.spec
    port = spec.port.target_port if spec.port else 0
    backends = []
    for target in (spec.to, *(spec.alternate_backends or ())):
        if target.kind not in (None, "", "Service"):
            notes.append(f"route {written.metadata.name}: a target that is no service is left out")
        else:
            backends.append((target.name, port))
    return (Gate(written.metadata.namespace or DEFAULT, written.metadata.name or "", kind, tuple(backends)),)
