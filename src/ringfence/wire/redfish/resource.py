"""One Redfish resource (DMTF DSP0266): a JSON object that says its type and its own address.

Services differ in what they leave out and in which version of a schema they speak, so a resource
is read by path with a fallback, never as a whole shape.
"""

from typing import Any

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

ROOT = "/redfish/v1"
MOST_MEMBERS = 10_000
_COLLECTIONS = {
    "Systems": "ComputerSystem",
    "Chassis": "Chassis",
    "Managers": "Manager",
    "ComponentIntegrity": "ComponentIntegrity",
    "FirmwareInventory": "SoftwareInventory",
    "Certificates": "Certificate",
    "Accounts": "ManagerAccount",
}
"""What the members of a collection are, for services that leave a member's type out."""
_REMEDY = "capture the resource with a GET of its @odata.id"


class Resource(msgspec.Struct, frozen=True):
    """`type` is the bare name ("ComputerSystem"), `id` the address without a slash at its end."""

    type: str
    id: str
    body: dict[str, Any]

    def at(self, *path: str) -> Any:
        """The value below nested objects, None where any is missing."""
        value: Any = self.body
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def text(self, *path: str) -> str:
        value = self.at(*path)
        return value if isinstance(value, str) else ""

    def flag(self, *path: str) -> bool | None:
        """True or False where the service says so, None where it does not."""
        value = self.at(*path)
        return value if isinstance(value, bool) else None

    def rows(self, *path: str) -> list[dict[str, Any]]:
        value = self.at(*path)
        return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []

    def links(self, *path: str) -> tuple[str, ...]:
        """The addresses in a list of references, or of a single one."""
        value = self.at(*path)
        found = value if isinstance(value, list) else [value]
        return tuple(each["@odata.id"].rstrip("/") for each in found if _is_link(each))


def _is_link(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("@odata.id"), str)


def looks_like(head: bytes) -> bool:
    """Whether the object names a Redfish type or address."""
    return head.lstrip()[:1] == b"{" and (
        (b'"@odata.type"' in head and b'"#' in head) or b'"@odata.id"' in head or b'"@odata.context"' in head
    )


def parse(data: bytes) -> Resource:
    """Read one resource. Raises `InputError`."""
    body = safe.json(data)
    if not isinstance(body, dict):
        raise InputError("a resource is an object", remedy=_REMEDY)
    kind, where = body.get("@odata.type"), body.get("@odata.id")
    if not isinstance(where, str):
        if "@odata.context" in body or isinstance(kind, str):  # registries and service documents have no address
            return Resource("Document", "", body)
        raise InputError("it lacks @odata.id", remedy=_REMEDY)
    where = where.rstrip("/")
    name = kind.rpartition(".")[2].lstrip("#") if isinstance(kind, str) else _COLLECTIONS.get(_parent(where), "")
    if not name:
        raise InputError("it lacks @odata.type", remedy=_REMEDY)
    return Resource(name, where, body)


def _parent(where: str) -> str:
    return where.rpartition("/")[0].rpartition("/")[2]


def members(resource: Resource) -> tuple[str, ...]:
    """Every address that a resource refers to, itself left out, each once. Bounded."""
    found: dict[str, None] = {}
    stack: list[Any] = [resource.body]
    while stack and len(found) < MOST_MEMBERS:
        value = stack.pop()
        if isinstance(value, dict):
            if _is_link(value):
                found[value["@odata.id"].rstrip("/")] = None
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
    found.pop(resource.id, None)
    return tuple(sorted(found))
