"""Redfish services → facts: one controller each, the machines behind it, their firmware and parts.

Files of one service are those below one folder: a resource says its own address, and what is left
of its path without that address is the folder. A service that names no host keeps its folder's
name. Accounts are listed, never tried.
"""

from collections import defaultdict
from collections.abc import Iterator

from ringfence.collect import redfish_parts
from ringfence.collect.base import CapturedFile, Collector, Found, Scope, asked, stamped
from ringfence.collect.redfish_service import Service
from ringfence.errors import InputError, Problem
from ringfence.wire.redfish import resource

FORM = "redfish"
_ABOUT_ITSELF = ("Document", "MessageRegistry", "MessageRegistryFile", "JsonSchemaFile", "AttributeRegistry")
"""Resources that explain the protocol, not the machine."""


def recognise(path: str, head: bytes) -> str:
    """Claim whatever names a Redfish type or address, or is the mockup's own page about itself."""
    if resource.looks_like(head):
        return FORM
    page = path.endswith("explorer_config.json") and b'"navlinks"' in head
    return FORM if page or (path.endswith("$metadata/index.xml") and b"edmx:Edmx" in head) else ""


def collect(form: str, files: list[CapturedFile], scope: Scope) -> Iterator[Found]:
    """Facts of every service among the files."""
    del form
    services: dict[str, list[tuple[CapturedFile, resource.Resource]]] = defaultdict(list)
    for file in files:
        if file.path.endswith(("explorer_config.json", "index.xml")):
            continue
        try:
            read = resource.parse(file.data)
        except InputError as error:
            yield Problem.of(file.path, error)
            continue
        if read.type in _ABOUT_ITSELF:
            continue
        services[root_of(file.path, read.id)].append((file, read))
    for root, found in sorted(services.items()):
        yield from _service(root, found, scope)


def root_of(path: str, address: str) -> str:
    """The folder of the service that a file belongs to.

    >>> root_of("redfish/gpu1/Managers/BMC/index.json", "/redfish/v1/Managers/BMC")
    'redfish/gpu1'
    """
    inside = address.removeprefix(resource.ROOT).strip("/")
    for folder in (path.rpartition("/")[0], path.removesuffix(".json")):
        if not inside:
            return folder
        if folder == inside or folder.endswith("/" + inside):
            return folder[: -len(inside)].rstrip("/")
    return path.rpartition("/")[0]


def _service(root: str, found: list[tuple[CapturedFile, resource.Resource]], scope: Scope) -> Iterator[Found]:
    service = Service(root.rpartition("/")[2] or "bmc", [each for _, each in found], scope)
    origin = {each.id: file for file, each in found}
    first = found[0][0]
    yield stamped(asked(service.bmc, "redfish", answered=True), first)
    if service.host:
        yield stamped(asked(service.host, "redfish", answered=True), first)
    for reader in redfish_parts.READERS:
        for address, fact in reader(service):
            yield stamped(fact, origin.get(address, first))


COLLECTOR = Collector("redfish", recognise, collect, ("redfish",))
