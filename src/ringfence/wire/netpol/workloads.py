"""Workloads: pods, their controllers, virtual machines; and the interfaces they ask for beside the first.

Interfaces of pods: the annotation `k8s.v1.cni.cncf.io/networks`, a comma-separated list `[namespace/]name[@device]`
or a JSON list (Network Plumbing Working Group, multi-net-spec v1.3, section 4.1). Virtual machines name them in
`spec.networks`, and their addresses in cloud-init network data version 2.
"""

from collections.abc import Iterable
from ipaddress import AddressValueError, IPv4Address

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.netpol import labels, shapes
from ringfence.wire.netpol.values import PROTOCOLS, Attachment, ContainerPort, Workload

DEFAULT = "default"
_NETWORKS = "k8s.v1.cni.cncf.io/networks"
_LAUNCHER = "virt-launcher-"


class _Selection(msgspec.Struct, frozen=True):
    name: str
    namespace: str | None = None
    ips: tuple[str, ...] | None = None


class _Ethernet(msgspec.Struct, frozen=True):
    addresses: tuple[str, ...] | None = None


class _NetworkData(msgspec.Struct, frozen=True):
    ethernets: dict[str, _Ethernet] | None = None


def pod(kind: str, written: shapes.Pod, notes: list[str]) -> tuple[Workload, ...]:
    """A pod; where a controller owns it, its workload is that controller (a Node owns static pods and is none)."""
    meta = written.metadata
    name = meta.name or ""
    if name.startswith(_LAUNCHER):  # the shell around a virtual machine, which is read itself
        notes.append(f"pod {name} is left out: it carries a virtual machine and does not connect by itself")
        return ()
    owner = next((one for one in meta.owner_references or () if one.controller), shapes.Owner())
    owned = bool(owner.name) and owner.kind != "Node"
    kind, workload = (owner.kind or kind, owner.name) if owned else (kind, name)
    return (_workload(kind, meta.namespace, workload, meta, written.spec, name),)


def controller(kind: str, written: shapes.Controller, notes: list[str]) -> tuple[Workload, ...]:
    """A controller, as its template is. How many replicas it has makes no difference to who reaches whom."""
    del notes
    return (_templated(kind, written.metadata, written.spec),)


def cron_job(kind: str, written: shapes.CronJob, notes: list[str]) -> tuple[Workload, ...]:
    """A CronJob, as the template of its jobs is."""
    del notes
    job = written.spec.job_template if written.spec else None
    return (_templated(kind, written.metadata, job.spec if job else None),)


def _templated(kind: str, meta: shapes.Meta, spec: shapes.ControllerSpec | None) -> Workload:
    template = (spec.template if spec else None) or shapes.Template()
    return _workload(kind, meta.namespace, meta.name or "", template.metadata or shapes.Meta(), template.spec)


def _workload(
    kind: str, namespace: str | None, name: str, meta: shapes.Meta, spec: shapes.PodSpec | None, pod_name: str = ""
) -> Workload:
    spec = spec or shapes.PodSpec()
    namespace = namespace or DEFAULT
    labels.named(namespace, name, kind)
    ports = tuple(_port(port) for container in spec.containers or () for port in container.ports or ())
    annotated = (meta.annotations or {}).get(_NETWORKS) or ""
    attachments = (*_annotated(annotated, namespace), *_of_machine(spec, namespace))
    labels.named(*(one.network for one in attachments))
    return Workload(namespace, name, kind, meta.labels or {}, ports, attachments, pod_name)


def _port(written: shapes.ContainerPort) -> ContainerPort:
    protocol = written.protocol or "TCP"
    if protocol not in PROTOCOLS:
        raise InputError(f"{protocol!r} is not a protocol of a port", remedy="TCP, UDP, SCTP")
    return ContainerPort(written.container_port, written.name or "", protocol)


def _annotated(text: str, namespace: str) -> Iterable[Attachment]:
    text = text.strip()
    if text.startswith("["):
        for one in safe.json(text.encode(), tuple[_Selection, ...]):
            yield Attachment(one.name, one.namespace or namespace, addresses(one.ips or ()))
        return
    for part in text.split(","):
        before, _, name = part.strip().partition("@")[0].rpartition("/")
        if name:
            yield Attachment(name, before or namespace)


def _of_machine(spec: shapes.PodSpec, namespace: str) -> Iterable[Attachment]:
    """Where as many interfaces are given addresses as there are networks, they belong together in order."""
    named = [network.multus.network_name for network in spec.networks or () if network.multus]
    if not named:
        return
    given = _given(spec.volumes or ())
    everything = tuple(one for group in given for one in group)
    for at, name in enumerate(named):
        before, _, network = name.rpartition("/")
        yield Attachment(network, before or namespace, given[at] if len(given) == len(named) else everything)


def _given(volumes: Iterable[shapes.Volume]) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = []
    for volume in volumes:
        for init in (volume.cloud_init_no_cloud, volume.cloud_init_config_drive):
            if init is None or not init.network_data:
                continue
            for document in safe.yaml_documents(init.network_data.encode()):
                try:
                    data = msgspec.convert(document or {}, _NetworkData)
                except msgspec.ValidationError:  # version 1, or damaged: it gives no address that could be matched
                    continue
                found += [addresses(one.addresses) for one in (data.ethernets or {}).values() if one.addresses]
    return found


def addresses(written: Iterable[str]) -> tuple[int, ...]:
    """IPv4 addresses as numbers; a prefix length is dropped, anything else is left out."""
    found = []
    for text in written:
        try:
            found.append(int(IPv4Address(text.partition("/")[0])))
        except AddressValueError:
            continue
    return tuple(found)
