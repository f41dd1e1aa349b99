"""Which columns of a batch hold what a rule calls a field.

        rule: Image, category process_creation ──▶ process.file.path, else unmapped.Image
        rule: Image, no category ──▶ process.file.path, else actor.process.file.path, else unmapped.Image

The names are those of `wire.ocsf.names`, which the readers use too. A field that a reader had no column for is kept
under `unmapped.`, so that is asked last. A field that is itself a column is that column.
"""

from collections.abc import Mapping

from ringfence.watch.sigma import tree
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.columns import COLUMNS, UNMAPPED
from ringfence.wire.ocsf.names import NAMES

_REGISTRY = (classes.REGISTRY_KEY, classes.REGISTRY_VALUE)

CATEGORIES: Mapping[str, tuple[int, ...]] = {
    "process_creation": (classes.PROCESS,),
    "network_connection": (classes.NETWORK,),
    "firewall": (classes.NETWORK,),
    "dns": (classes.DNS,),
    "dns_query": (classes.DNS,),
    "proxy": (classes.HTTP,),
    "webserver": (classes.HTTP,),
    "file_event": (classes.FILE,),
    "file_access": (classes.FILE,),
    "file_change": (classes.FILE,),
    "file_delete": (classes.FILE,),
    "file_rename": (classes.FILE,),
    "file_executable_detected": (classes.FILE,),
    "file_block_executable": (classes.FILE,),
    "image_load": (classes.MODULE,),
    "module_load": (classes.MODULE,),
    "driver_load": (classes.KERNEL_EXTENSION,),
    "registry_add": _REGISTRY,
    "registry_delete": _REGISTRY,
    "registry_rename": _REGISTRY,
    "registry_event": _REGISTRY,
    "registry_set": _REGISTRY,
}
"""Sigma's category → the classes of event that it is about."""

_HOST = dict.fromkeys(("Computer", "ComputerName", "Hostname", "hostname"), "device.hostname")


def columns_of(field: str, category: str = "") -> tuple[str, ...]:
    """The columns that may hold a field, to be asked in this order; the first that is not null is its value."""
    if field in COLUMNS or field.startswith(UNMAPPED):
        return (field,)
    about = CATEGORIES.get(category, tuple(NAMES))
    found = [NAMES[uid][field] for uid in about if field in NAMES[uid]]
    if field in _HOST:
        found.append(_HOST[field])
    return (*dict.fromkeys(found), UNMAPPED + field)


def reads(when: tree.Node, category: str) -> tuple[str, ...]:
    """The columns that a condition reads; `message` where it has keywords."""
    found: dict[str, None] = {}
    for atom in tree.atoms(when):
        for field in (atom.field, atom.text if atom.op == tree.FIELD else atom.field):
            found |= dict.fromkeys(columns_of(field, category) if field else ("message",))
    return tuple(found)
