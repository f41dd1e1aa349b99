"""Behind the exports a client mounts the folders that its work needs, and data lies in those folders."""

from collections import defaultdict
from pathlib import PurePosixPath

from ringfence.estate.facts import Fact
from ringfence.segment.prove.joined.view import View, said


def changes(view: View) -> tuple[list[Fact], list[Fact]]:
    """(facts taken away, facts added), for what fenced servers export; the rest stays as it is."""
    servers = view.enforced("exports") | view.enforced("lustre")
    fenced = frozenset(fact.subject for fact in view.estate.facts("exported_by") if fact.object in servers)
    removed = [fact for name in ("mounts", "exported_to") for fact in view.estate.facts(name) if _is(fact, fenced)]
    opened = dict.fromkeys(_left_open(view, fenced), "rw")
    for allow in view.meant:
        for client in view.ends(allow.source):
            for folder in view.ends(allow.target):
                mode = "rw" if allow.what in ("rw", "any") else "ro"
                opened[client, folder] = "rw" if "rw" in (mode, opened.get((client, folder))) else "ro"
    added = [said(client, "mounts", folder, mode=mode) for (client, folder), mode in opened.items()]
    added += _jobs_mount(view, fenced, opened)
    added += _data_in(view, {folder for _, folder in opened})
    return removed, added


def _left_open(view: View, fenced: frozenset[str]) -> set[tuple[str, str]]:
    """(client, whole export) where a residual leaves any folder of it open: others export it beside us."""
    exports: dict[str, list[str]] = defaultdict(list)
    for one in sorted(fenced):
        exports[_server(one)].append(one)
    found: set[tuple[str, str]] = set()
    for allow in view.told:
        folders = view.ends(allow.target)
        whole = {one for folder in folders for one in exports.get(_server(folder), ()) if _within(folder, one)}
        clients = view.ends(allow.source)
        found.update((client, one) for one in whole or folders for client in clients)
    return found


def _is(fact: Fact, fenced: frozenset[str]) -> bool:
    return (fact.object if fact.predicate == "mounts" else fact.subject) in fenced


def _jobs_mount(view: View, fenced: frozenset[str], opened: dict[tuple[str, str], str]) -> list[Fact]:
    """A job or container that mounted an export mounts what its hosts now have of it."""
    hosts: dict[str, set[str]] = defaultdict(set)
    for fact in view.estate.facts("runs_on"):
        hosts[fact.subject].add(fact.object)
    of_host: dict[str, dict[str, str]] = defaultdict(dict)
    for (client, folder), mode in opened.items():
        of_host[client][folder] = mode
    found = []
    for fact in view.estate.facts("mounts"):
        if fact.object in fenced and fact.subject in hosts:
            for host in hosts[fact.subject]:
                for folder, mode in of_host.get(host, {}).items():
                    if _within(folder, fact.object) or _within(fact.object, folder):
                        found.append(said(fact.subject, "mounts", folder, mode=mode))
    return found


def _data_in(view: View, folders: set[str]) -> list[Fact]:
    """Data of an export lies in each opened folder that holds its path."""
    below: dict[str, list[str]] = defaultdict(list)
    whole = {fact.object for fact in view.estate.facts("stored_on")}
    for folder in folders - whole:
        below[_server(folder)].append(folder)
    return [
        said(fact.subject, "stored_on", folder, path=path)
        for fact in view.estate.facts("stored_on")
        for path in (str(fact.attributes.get("path", "")),)
        for folder in below.get(_server(fact.object), ())
        if not path or PurePosixPath(path).is_relative_to(_path(folder))
    ]


def _server(storage: str) -> str:
    return storage.split(":")[1] if storage.count(":") > 1 else ""


def _path(storage: str) -> str:
    return storage.split(":", 2)[2] if storage.count(":") > 1 else storage


def _within(inner: str, outer: str) -> bool:
    same_server = inner.split(":")[:2] == outer.split(":")[:2]
    return same_server and PurePosixPath(_path(inner)).is_relative_to(_path(outer))
