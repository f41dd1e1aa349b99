"""NVLink domains by who partitions them: NMX-M a rack, a fabric manager the switches of one host."""

from collections.abc import Mapping

from ringfence.segment.inventory import Inventory


def racks(inventory: Inventory) -> Mapping[str, tuple[str, ...]]:
    """Domains that span hosts, `nvlink:<cluster UUID>/<clique>`."""
    return {name: members for name, members in inventory.domains.items() if "/" in name}


def single_hosts(inventory: Inventory) -> Mapping[str, tuple[str, ...]]:
    """Domains of one host, `nvlink:<host>`."""
    return {name: members for name, members in inventory.domains.items() if "/" not in name}


def nmx_id(inventory: Inventory, gpu: str) -> str:
    """NMX-M's own id of an accelerator: as told, or as in `gpu:nmx/<id>`."""
    return inventory.known_as.get(gpu, gpu.partition(":")[2]).removeprefix("nmx/")


def uuid(inventory: Inventory, gpu: str) -> str:
    """The UUID by which a fabric manager knows it."""
    return inventory.known_as.get(gpu, gpu.partition(":")[2])


def host_domains(inventory: Inventory) -> Mapping[str, tuple[str, ...]]:
    """Domains that span hosts, by the hosts whose accelerators are in them."""
    found = {}
    for name, members in racks(inventory).items():
        hosts = {inventory.host_of[gpu] for gpu in members if gpu in inventory.host_of}
        found[name] = tuple(sorted(hosts))
    return found
