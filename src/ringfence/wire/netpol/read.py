"""Manifests as values: every document of a file with its line, damaged ones apart.

A file is a stream of YAML documents, or JSON. Each document is parsed by itself, so that one with an error takes no
other with it. Objects of kinds that do not decide connectivity are counted and skipped; only the kind counts, not
the API group, so that old and custom groups are read too.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.netpol import admin, gates, networks, policies, shapes, workloads
from ringfence.wire.netpol.values import Namespace, Value

NAME_LABEL = "kubernetes.io/metadata.name"
MOST_OBJECTS = 200_000
MOST_REPEATED = 2 * safe.MOST_NODES

_DECODER = json.JSONDecoder()
_SOMETHING = re.compile(r"\S")
_SEPARATOR = re.compile(rb"^---(?=\s|$)[^\n]*\n?", re.MULTILINE)


def _namespace(kind: str, written: shapes.Object, notes: list[str]) -> tuple[Namespace, ...]:
    del kind, notes
    name = written.metadata.name or ""
    return (Namespace(name, {NAME_LABEL: name, **(written.metadata.labels or {})}),)


_Reader = Callable[[str, Any, list[str]], tuple[Value, ...]]
_READERS: dict[str, tuple[Any, _Reader]] = {
    "Namespace": (shapes.Object, _namespace),
    "Pod": (shapes.Pod, workloads.pod),
    **dict.fromkeys(
        ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController", "Job", "VirtualMachine"),
        (shapes.Controller, workloads.controller),
    ),
    "CronJob": (shapes.CronJob, workloads.cron_job),
    "NetworkPolicy": (shapes.NetworkPolicy, policies.network_policy),
    "MultiNetworkPolicy": (shapes.NetworkPolicy, policies.multi_network_policy),
    "AdminNetworkPolicy": (shapes.AdminPolicy, admin.admin),
    "BaselineAdminNetworkPolicy": (shapes.AdminPolicy, admin.baseline),
    "ClusterNetworkPolicy": (shapes.AdminPolicy, admin.cluster),
    "UserDefinedNetwork": (shapes.UserDefinedNetwork, networks.user_defined),
    "ClusterUserDefinedNetwork": (shapes.ClusterUserDefinedNetwork, networks.cluster_wide),
    "NetworkAttachmentDefinition": (shapes.Object, networks.definition),
    "Service": (shapes.Service, gates.service),
    "Ingress": (shapes.Ingress, gates.ingress),
    "Route": (shapes.Route, gates.route),
}

KINDS = frozenset(_READERS)
"""Every kind that is read."""

NETWORKED = frozenset(
    (
        "UserDefinedNetwork", "ClusterUserDefinedNetwork", "NetworkAttachmentDefinition", "MultiNetworkPolicy",
        "VirtualMachine",
    )
)  # fmt: skip
"""Kinds whose presence makes the networks part of the answer."""


BINDING = frozenset(
    (
        "NetworkPolicy", "MultiNetworkPolicy", "AdminNetworkPolicy", "BaselineAdminNetworkPolicy",
        "ClusterNetworkPolicy", "UserDefinedNetwork", "ClusterUserDefinedNetwork",
    )
)  # fmt: skip
"""Kinds that restrict: one that no API server would take leaves no answer that could be trusted."""


class Placed(msgspec.Struct, frozen=True):
    """A value, the line its document starts on, and the kind it was written as."""

    line: int
    kind: str
    value: Value


class Remark(msgspec.Struct, frozen=True):
    """Something to tell. `weight`: `note` (known and left out), `lost` (not readable), `invalid` (of a kind in
    `BINDING`, and one that no API server would take).
    """

    line: int
    what: str
    weight: str = "lost"
    remedy: str = ""


class Manifests(msgspec.Struct, frozen=True):
    """What a file holds; `kinds` counts all objects by kind, those skipped too."""

    found: tuple[Placed, ...] = ()
    remarks: tuple[Remark, ...] = ()
    kinds: dict[str, int] = {}


def read(data: bytes) -> Manifests:
    """Every object of a file. Raises `InputError` only where the file as a whole is too large."""
    found: list[Placed] = []
    remarks: list[Remark] = []
    kinds: dict[str, int] = {}
    for line, document in _documents(safe.bounded(data), remarks):
        for one, from_list in _objects(document):
            kind = (one.get("kind") if isinstance(one, dict) else None) or from_list
            if not isinstance(kind, str) or not kind:
                remarks.append(Remark(line, "an object without a kind"))
                continue
            kinds[kind] = kinds.get(kind, 0) + 1
            if kind in _READERS:
                _take(line, kind, one, found, remarks)
    return Manifests(tuple(found), tuple(map(_shown, remarks)), kinds)


def _shown(remark: Remark) -> Remark:
    """What is quoted from a file stays on its line."""
    if remark.what.isprintable():
        return remark
    what = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in remark.what)
    return msgspec.structs.replace(remark, what=what)


def _documents(data: bytes, remarks: list[Remark]) -> Iterator[tuple[int, Any]]:
    if data.lstrip()[:1] in (b"{", b"["):
        try:
            yield from _json(data)
            return
        except (InputError, ValueError, RecursionError):  # YAML in flow style looks alike
            pass
    line, start, left = 1, 0, MOST_REPEATED
    ends = [(match.start(), match.end()) for match in _SEPARATOR.finditer(data)]
    for end, after in [*ends, (len(data), len(data))]:
        part = data[start:end]
        try:
            for document in safe.yaml_documents(part):
                if b"*" in part and b"&" in part:
                    left -= _nodes(document, left)
                    if left <= 0:
                        raise InputError("its aliases, and those before it, repeat too much")
                if document is not None:
                    yield line + _blank(part), document
        except InputError as error:
            # kubectl, too, takes of such a file what stands before the fault: what follows would not be applied
            remedy = "mend it: as kubectl does, nothing that follows in this file was taken"
            remarks.append(Remark(line + max(error.line - 1, 0), error.what, remedy=remedy))
            return
        line += data.count(b"\n", start, after)
        start = after


def _nodes(document: Any, most: int) -> int:
    """How many values a document holds, those repeated by aliases each time; counted up to `most`."""
    count, open_ = 0, [document]
    while open_ and count < most:
        one = open_.pop()
        count += 1
        if isinstance(one, dict):
            open_.extend(one.values())
        elif isinstance(one, list):
            open_.extend(one)
    return count


def _json(data: bytes) -> list[tuple[int, Any]]:
    """JSON values, one after the other."""
    try:
        return [(1, safe.json(data))]
    except InputError:
        text, at, line, found = data.decode("utf-8"), 0, 1, []
        while match := _SOMETHING.search(text, at):
            line += text.count("\n", at, match.start())
            value, after = _DECODER.raw_decode(text, match.start())
            found.append((line, value))
            line += text.count("\n", match.start(), after)
            at = after
        return found


def _blank(part: bytes) -> int:
    """How many lines precede the first that says something."""
    for at, text in enumerate(part.splitlines()):
        if text.strip() and not text.lstrip().startswith(b"#"):
            return at
    return 0


def _objects(document: Any) -> Iterator[tuple[Any, str]]:
    """(object, kind by its list): a List of any kind is what it lists, Lists in it included."""
    left: list[tuple[Any, str]] = [(document, "")]
    while left:
        one, from_list = left.pop()
        if isinstance(one, list):
            left.extend((inner, "") for inner in reversed(one))
        elif isinstance(one, dict) and isinstance(one.get("items"), list) and isinstance(one.get("kind"), str):
            kind = one["kind"].removesuffix("List")
            left.extend((inner, kind) for inner in reversed(one["items"]))
        else:
            yield one, from_list


def _take(line: int, kind: str, one: Any, found: list[Placed], remarks: list[Remark]) -> None:
    shape, reader = _READERS[kind]
    named = f"{kind} {_name(one)}"
    try:
        written = _converted(one, shape)
    except msgspec.ValidationError as error:
        remarks.append(Remark(line, f"{named}: not of the expected shape: {error}"))
        return
    notes: list[str] = []
    try:
        values = reader(kind, written, notes)
    except InputError as error:
        weight = "invalid" if kind in BINDING else "lost"
        remarks.append(Remark(line, f"{named}: {error.what}", weight, error.remedy))
        return
    found.extend(Placed(line, kind, value) for value in values)
    if len(found) > MOST_OBJECTS:
        raise InputError(f"more than {MOST_OBJECTS} objects in one file", remedy="split it")
    remarks.extend(Remark(line, f"{named}: {note}", "note") for note in dict.fromkeys(notes))


def _converted(one: Any, shape: Any) -> Any:
    try:
        return msgspec.convert(one, shape)
    except msgspec.ValidationError:
        return msgspec.convert(_plain(one), shape)


def _plain(value: Any, depth: int = 0) -> Any:
    """YAML 1.1 reads dates where Kubernetes reads text, and takes numbers as keys; null is the same as absent."""
    if isinstance(value, dict) and depth < safe.DEEPEST:
        return {str(key): _plain(inner, depth + 1) for key, inner in value.items() if inner is not None}
    if isinstance(value, list) and depth < safe.DEEPEST:
        return [_plain(inner, depth + 1) for inner in value]
    return value.isoformat() if isinstance(value, date | datetime) else value


def _name(one: Any) -> str:
    meta = one.get("metadata") if isinstance(one, dict) else None
    if not isinstance(meta, dict):
        return "?"
    return "/".join(str(meta[key])[:80] for key in ("namespace", "name") if meta.get(key)) or "?"
