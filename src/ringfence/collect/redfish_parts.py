"""What each kind of Redfish resource says. Every reader yields (address of the resource, fact)."""

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterator

from ringfence.collect.places import short
from ringfence.collect.redfish_service import Service
from ringfence.estate import ids
from ringfence.estate.facts import Fact, Scalar
from ringfence.wire.redfish.resource import ROOT, Resource

Said = Iterator[tuple[str, Fact]]

_PARTS: tuple[str, ...] = (
    "Memory",
    "Processor",
    "PowerSupply",
    "Drive",
    "NetworkAdapter",
    "PCIeDevice",
    "Storage",
    "StorageController",
)
_PARTS += ("Assembly", "Battery", "Fan", "TrustedComponent", "GraphicsController", "USBController", "Cable")
_DMA = ("Processor", "Drive", "NetworkAdapter", "PCIeDevice", "Storage", "StorageController", "GraphicsController")
_NO_SERIAL = ("none", "n/a", "not specified", "unknown", "0")
_PROTOCOLS = ("HTTP", "HTTPS", "IPMI", "SSH", "SNMP", "VirtualMedia", "KVMIP", "Telnet", "SSDP", "RDP")
_SLUG = re.compile(r"[^a-z0-9.]+")


def slug(text: str) -> str:
    """A product's name as part of an id.

    >>> slug("Contoso BMC Firmware")
    'contoso-bmc-firmware'
    """
    return _SLUG.sub("-", ids.clean(text).lower()).strip("-") or "unnamed"


def systems(service: Service) -> Said:
    """Who manages whom; serial, model and secure boot of each machine."""
    for each in service.of("ComputerSystem"):
        host = service.host_of(each.id)
        if not host:
            continue
        yield each.id, Fact(host, "managed_by", service.bmc)
        for name, path in (("serial", "SerialNumber"), ("model", "Model"), ("maker", "Manufacturer"), ("uuid", "UUID")):
            if each.text(path):
                yield each.id, Fact(host, "labelled", f"{name}={ids.clean(each.text(path))}")
        if each.text("BiosVersion"):
            yield each.id, _firmware(host, "bios", each.text("BiosVersion"), each.text("Manufacturer"))
    for each in service.of("SecureBoot"):
        host, state = service.host_of(each.id), each.flag("SecureBootEnable")
        if host and state is not None:
            yield each.id, Fact(host, "setting", f"secure_boot={'on' if state else 'off'}")


def managers(service: Service) -> Said:
    """The controllers themselves and what they run."""
    for each in service.of("Manager"):
        bmc = service.manager(each.id)
        if each.text("Model"):
            yield each.id, Fact(bmc, "labelled", f"model={ids.clean(each.text('Model'))}")
        if each.text("FirmwareVersion"):
            product = slug(f"{each.text('Manufacturer')} {each.text('Model') or 'bmc'}")
            yield each.id, _firmware(bmc, product, each.text("FirmwareVersion"), each.text("Model"))
        for shell in ("CommandShell", "SerialConsole", "GraphicalConsole"):
            if each.flag(shell, "ServiceEnabled"):
                yield each.id, Fact(bmc, "setting", f"{shell}=on")


def _firmware(owner: str, product: str, version: str, name: str) -> Fact:
    told: dict[str, Scalar] = {"version": ids.clean(version), "name": ids.clean(name)}
    return Fact(owner, "runs_firmware", ids.of("firmware", slug(product), version), told)


def inventory(service: Service) -> Said:
    """FirmwareInventory: what runs on the controller, the machine, and its parts."""
    for each in service.of("SoftwareInventory"):
        if not each.text("Version") or "/FirmwareInventory/" not in each.id:
            continue
        name = each.text("Name") or each.text("Id")
        owners = {service.owner(link) for link in each.links("RelatedItem")} or {service.host or service.bmc}
        for owner in sorted(owners):
            yield each.id, _firmware(owner, name, each.text("Version"), name)


def parts(service: Service) -> Said:
    """Every part with a serial number, on the machine or the controller that holds it.

    Some makers print one serial on several parts: then its kind, and where that is not enough its
    address, goes into the name.
    """
    found = {address: (serial, kind, at, told) for address, serial, kind, at, told in _serials(service)}
    alike = Counter(serial for serial, _, _, _ in found.values())
    kinds = Counter((serial, kind) for serial, kind, _, _ in found.values())
    for address, (serial, kind, at, told) in found.items():
        name = [serial]
        if alike[serial] > 1:
            name.append(kind)
        if kinds[serial, kind] > 1:
            name.append(short(address.removeprefix(ROOT).strip("/")))
        yield at, Fact(service.owner(at), "has_component", ids.of("component", *name), told)


def _serials(service: Service) -> Iterator[tuple[str, str, str, str, dict[str, Scalar]]]:
    """(slot, serial, kind, address of the resource, about it) of every part that says its serial."""
    for each in service.of(*_PARTS):
        serial = ids.clean(each.text("SerialNumber")).strip()
        if serial and serial.lower() not in _NO_SERIAL:
            yield each.id, serial, each.type, each.id, _about(each)
    for each in service.of("Assembly"):
        for at, row in enumerate(each.rows("Assemblies")):
            mark = row.get("SerialNumber")
            if isinstance(mark, str) and mark.strip() and mark.strip().lower() not in _NO_SERIAL:
                model = ids.clean(str(row.get("Model") or row.get("Name") or ""))
                told: dict[str, Scalar] = {"slot": f"{each.id}#{at}", "model": model}
                yield f"{each.id}#{at}", ids.clean(mark).strip(), "Assembly", each.id, told


def _about(each: Resource) -> dict[str, Scalar]:
    """Where it sits and what it is. `dma`: whether such a part can reach the machine's memory by itself."""
    told: dict[str, Scalar] = {"slot": each.id, "type": each.type, "dma": each.type in _DMA}
    for name, path in (("model", "Model"), ("maker", "Manufacturer"), ("part", "PartNumber")):
        if each.text(path):
            told[name] = ids.clean(each.text(path))
    return told


def integrity(service: Service) -> Said:
    """Chassis intrusion, and what the roots of trust say about the parts."""
    for each in service.of("Chassis"):
        sensor = each.text("PhysicalSecurity", "IntrusionSensor")
        if sensor:
            owner = service.host or service.bmc
            yield each.id, Fact(owner, "setting", f"intrusion_sensor={ids.clean(sensor)}")
            if sensor != "Normal":
                yield each.id, Fact(owner, "tampered", "chassis-open", {"sensor": ids.clean(sensor)})
    for each in service.of("ComponentIntegrity"):
        owner, name = service.host or service.bmc, ids.clean(each.text("Id"))
        verdict = each.text("TPM", "IdentityAuthentication", "VerificationStatus") or each.text(
            "SPDM", "IdentityAuthentication", "ResponderAuthentication", "VerificationStatus"
        )
        state = verdict or ("unverified" if each.flag("ComponentIntegrityEnabled") else "disabled")
        target = ids.clean(each.text("TargetComponentURI"))
        kind = ids.clean(each.text("ComponentIntegrityType"))
        yield each.id, Fact(owner, "setting", f"integrity/{name}={ids.clean(state)}", {"target": target, "type": kind})
        if verdict == "Failed":
            yield each.id, Fact(owner, "tampered", "integrity-failed", {"target": target})


def interfaces(service: Service) -> Said:
    """How the machine reaches its own controller from the inside, and whether it must prove anything."""
    for each in service.of("HostInterface"):
        bmc, state = service.bmc, each.flag("InterfaceEnabled")
        if state is False:
            yield each.id, Fact(bmc, "setting", "host_interface=off")
        if state is not True:
            continue
        yield each.id, Fact(bmc, "setting", "host_interface=on")
        modes = each.at("AuthenticationModes")
        if isinstance(modes, list) and "AuthNone" in modes:
            role = ids.clean(each.text("AuthNoneRoleId") or each.text("Links", "AuthNoneRole", "@odata.id"))
            yield each.id, Fact(bmc, "setting", "host_interface=no-auth", {"role": role})
        if each.flag("CredentialBootstrapping", "Enabled"):
            told = {"role": ids.clean(each.text("CredentialBootstrapping", "RoleId") or "Administrator")}
            yield each.id, Fact(bmc, "setting", "host_interface=bootstrap", told)


def network(service: Service) -> Said:
    """Addresses of the controller, the protocols that it speaks, the accounts that it knows."""
    inner = {link for each in service.of("HostInterface") for link in each.links("ManagerEthernetInterface")}
    for each in service.of("EthernetInterface"):
        if "/Managers/" not in each.id or each.id in inner:
            continue
        for row in each.rows("IPv4Addresses"):
            subnet = _subnet(row.get("Address"), row.get("SubnetMask"))
            if subnet:
                yield each.id, Fact(service.bmc, "attached_to", ids.subnet(subnet), {"address": str(row["Address"])})
    for each in service.of("ManagerNetworkProtocol"):
        for name in _PROTOCOLS:
            state, port = each.flag(name, "ProtocolEnabled"), each.at(name, "Port")
            if state is not None:
                told: dict[str, Scalar] = {"port": port} if state and isinstance(port, int) else {}
                yield each.id, Fact(service.bmc, "setting", f"{name.lower()}={'on' if state else 'off'}", told)


def accounts(service: Service) -> Said:
    """Enabled local accounts with their roles. That a password is the maker's own cannot be read, only tried."""
    for each in service.of("ManagerAccount"):
        if each.flag("Enabled") and each.text("UserName"):
            told: dict[str, Scalar] = {"role": ids.clean(each.text("RoleId")), "locked": bool(each.flag("Locked"))}
            yield each.id, Fact(service.bmc, "setting", f"account={ids.clean(each.text('UserName'))}", told)
            if each.flag("PasswordChangeRequired"):  # DSP0268: it must be changed before it opens anything
                whose: dict[str, Scalar] = {"account": ids.clean(each.text("UserName"))}
                yield each.id, Fact(service.bmc, "setting", "account_password=first", whose)
    for each in service.of("AccountService"):
        yield each.id, Fact(service.bmc, "authenticates", "password")
        for directory in ("LDAP", "ActiveDirectory"):
            if each.flag(directory, "ServiceEnabled"):
                yield each.id, Fact(service.bmc, "setting", f"directory={directory}")
        most = each.at("AccountLockoutThreshold")
        if isinstance(most, int):
            yield each.id, Fact(service.bmc, "setting", f"account_lockout={'on' if most else 'off'}")


def _subnet(address: object, mask: object) -> str:
    try:
        found = ipaddress.ip_interface(f"{address}/{mask}").network
    except ValueError:
        return ""
    return "" if found.is_loopback or found.prefixlen == 0 or str(address) == "0.0.0.0" else str(found)  # noqa: S104


READERS: tuple[Callable[[Service], Said], ...] = (
    systems,
    managers,
    inventory,
    parts,
    integrity,
    interfaces,
    network,
    accounts,
)
