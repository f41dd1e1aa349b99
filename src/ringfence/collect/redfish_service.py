"""One Redfish service: its resources by type, and who is who among its managers and systems."""

from collections import defaultdict
from collections.abc import Iterable

from ringfence.collect.base import Scope
from ringfence.estate import ids
from ringfence.wire.redfish.resource import Resource


class Service:
    """All captured resources of one controller. `host` is empty where no system names its host."""

    def __init__(self, name: str, resources: Iterable[Resource], scope: Scope) -> None:
        self.by_type: dict[str, list[Resource]] = defaultdict(list)
        self.by_id: dict[str, Resource] = {}
        for each in resources:
            self.by_type[each.type].append(each)
            self.by_id[each.id] = each
        systems = self.of("ComputerSystem")
        self._hosts = {each.id: scope.host(each.text("HostName")) for each in systems if each.text("HostName").strip()}
        self.host = next(iter(self._hosts.values()), "")
        serial = next((text for each in systems if (text := each.text("SerialNumber"))), "")
        self.bmc = "bmc:" + (self.host.partition(":")[2] or _of_folder(name) or ids.clean(serial) or "unnamed")

    def of(self, *types: str) -> list[Resource]:
        """The resources of these types, in the order of their addresses."""
        return sorted((each for name in types for each in self.by_type.get(name, ())), key=lambda each: each.id)

    def host_of(self, address: str) -> str:
        """The host of a system's address or of anything below it; the only host for the rest."""
        for system, host in self._hosts.items():
            if address == system or address.startswith(system + "/"):
                return host
        return self.host if len(set(self._hosts.values())) == 1 else ""

    def manager(self, address: str) -> str:
        """The entity of a manager: the service's own controller, or one behind it such as an HGX board's."""
        if len(self.of("Manager")) <= 1:
            return self.bmc
        about = self.by_id.get(address)
        primary = next((each.id for each in self.of("Manager") if each.text("ManagerType") == "BMC"), "")
        if about is None or address == primary:
            return self.bmc
        return f"{self.bmc}/{ids.clean(about.id.rpartition('/')[2])}"

    def owner(self, address: str) -> str:
        """The entity that a part or a firmware belongs to, by the address of what it is part of."""
        if "/Managers/" in address:
            return self.manager("/".join(address.split("/")[:5]))
        return self.host_of(address) or self.bmc


def _of_folder(name: str) -> str:
    """A folder's name as the controller's, `-bmc` taken off so that it meets the host's."""
    plain = ids.clean(name).lower()
    for ending in ("-bmc", "-ipmi", "-ilo", "-idrac", ".bmc"):
        plain = plain.removesuffix(ending)
    return plain
