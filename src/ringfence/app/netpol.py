"""`ringfence fence allows`: the connections that a folder of Kubernetes manifests allows, as text or JSON."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from ringfence.errors import InputError, Problem, UsageError
from ringfence.segment.prove.netpol.allowed import Allowed, Flow, Standing, allowed
from ringfence.segment.prove.netpol.resources import POD_NETWORK, Network, resources
from ringfence.wire import safe
from ringfence.wire.netpol.read import NETWORKED, Manifests, read
from ringfence.wire.netpol.values import Value

SUFFIXES = frozenset((".yaml", ".yml", ".json"))
FORMATS = ("txt", "json")


class Answer(msgspec.Struct, frozen=True):
    """What a folder allows. `lost`: what could not be read; `notes`: what was left out knowingly.

    `networked`: it has objects of more than one network, so networks are part of the answer.
    """

    allowed: Allowed
    networked: bool
    lost: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()


def allows(folder: Path) -> Answer:
    """Read every manifest under `folder` (or the one file that it is) and judge them together.

    Raises `UsageError` where there is none, `InputError` where a policy or a network is one that no API server
    would take, or objects contradict one another: then no answer could be trusted.
    """
    lost: list[Problem] = []
    notes: list[Problem] = []
    values: list[Value] = []
    networked = False
    seen = 0
    for path in _files(folder):
        name = str(path.relative_to(folder)) if path != folder else path.name
        manifests = _read(path, name, lost)
        seen += sum(manifests.kinds.values())
        networked = networked or not NETWORKED.isdisjoint(manifests.kinds)
        values.extend(one.value for one in manifests.found)
        _judge(name, manifests, lost, notes)
    if not seen:
        raise InputError(f"{folder}: no Kubernetes object in it", remedy=_first(lost))
    found = allowed(resources(values))
    notes.extend(Problem(str(folder), 0, note) for note in found.notes)
    if not found.standing:
        notes.append(Problem(str(folder), 0, "no workload in it"))
    return Answer(found, networked, tuple(lost), tuple(notes))


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        yield folder
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is neither a folder nor a file")
    inside = (Path(where, name) for where, _, names in os.walk(folder) for name in names)
    for path in sorted(inside, key=lambda one: one.parts):  # as kubectl walks, so that the last of a name is the same
        if path.suffix in SUFFIXES and path.is_file():
            yield path


def _read(path: Path, name: str, lost: list[Problem]) -> Manifests:
    try:
        with path.open("rb") as file:
            return read(file.read(safe.MOST_BYTES + 1))
    except InputError as error:
        lost.append(Problem.of(name, error))
    except OSError as error:
        lost.append(Problem(name, 0, f"cannot be read: {error.strerror}"))
    return Manifests()


def _judge(name: str, manifests: Manifests, lost: list[Problem], notes: list[Problem]) -> None:
    for remark in manifests.remarks:
        if remark.weight == "invalid":
            raise InputError(f"{name}:{remark.line}: {remark.what}", line=remark.line, remedy=remark.remedy)
        problem = Problem(name, remark.line, remark.what, remark.remedy)
        (notes if remark.weight == "note" else lost).append(problem)


def _first(lost: list[Problem]) -> str:
    return str(lost[0]) if lost else "manifests end in .yaml, .yml or .json"


def as_text(answer: Answer) -> str:
    """One line a flow, sorted; where there are several networks, a section for each and where workloads stand."""
    by_network: dict[Network, list[Flow]] = {}
    for flow in answer.allowed.flows:
        by_network.setdefault(flow.network, []).append(flow)
    lines = list(_lines(by_network.pop(POD_NETWORK, ())))
    if by_network:
        lines = [_heading("Pod network"), *(lines or [_silence(answer)])]
    for network in sorted(by_network, key=lambda one: (_SECTIONS[one.kind][0], one.name)):
        lines += ["", _heading(f"{_SECTIONS[network.kind][1]} {network.name}"), *_lines(by_network[network])]
    if answer.networked and answer.allowed.standing:
        lines += ["", "Workload-to-Networks Mapping:", *_mapping(answer.allowed.standing)]
    return "".join(f"{line}\n" for line in lines)


_SECTIONS = {"UDN": (1, "primary UDN"), "CUDN": (2, "primary CUDN"), "NAD": (3, "secondary NAD")}


def _heading(network: str) -> str:
    return f"Permitted connectivity analyzed in {network}:"


def _silence(answer: Answer) -> str:
    if any(one.primary == POD_NETWORK for one in answer.allowed.standing.values()):
        return "All connections are not allowed for the workloads in the pod-network"
    return "all input workloads are configured with (C)UDN as their primary network interface"


def _ordered(flows: Iterable[Flow]) -> list[Flow]:
    return sorted(flows, key=lambda one: (one.source, one.target, one.network.name))


def _lines(flows: Iterable[Flow]) -> Iterator[str]:
    for flow in _ordered(flows):
        yield f"{flow.source} => {flow.target} : {flow.ports}"


def _mapping(standing: dict[str, Standing]) -> Iterator[str]:
    for workload, its in sorted(standing.items()):
        yield f"{workload}: "
        kind = "" if its.primary == POD_NETWORK else f"[{its.primary.kind}]"
        yield f"\tPrimary Network: {its.primary.name}{kind}"
        if its.secondary:
            yield "\tSecondary Networks: " + ",".join(sorted(f"{name}[NAD]" for name in its.secondary))


def as_json(answer: Answer) -> str:
    """A list of `{src, dst, conn}`, all networks together, sorted."""
    rows = [{"src": one.source, "dst": one.target, "conn": str(one.ports)} for one in _ordered(answer.allowed.flows)]
    return msgspec.json.format(msgspec.json.encode(rows), indent=2).decode()


_WRITERS = {"txt": as_text, "json": as_json}


def written(answer: Answer, format: str) -> str:
    """The answer in one of `FORMATS`. Raises `UsageError` for another."""
    if format not in _WRITERS:
        raise UsageError(f"the format {format} is not known", remedy=" or ".join(FORMATS))
    return _WRITERS[format](answer)
