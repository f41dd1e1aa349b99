"""What Windows calls its logs and events, and what Sigma and OCSF call them (SigmaHQ/sigma, its log source pages;
Microsoft, Sysinternals Sysmon: Events; Windows Security Auditing, events 4624 to 4720).

        channel ──SERVICES──▶ service        (channel, event id) ──KINDS──▶ class, activity, category
"""

from collections.abc import Mapping

import msgspec

from ringfence.wire.ocsf import classes


class Kind(msgspec.Struct, frozen=True):
    """What one event id of a channel is: its class and activity, and Sigma's category, "" where that has none."""

    uid: int = classes.BASE
    activity: int = 99
    category: str = ""


SYSMON = "Microsoft-Windows-Sysmon/Operational"
_POWERSHELL = ("Microsoft-Windows-PowerShell/Operational", "PowerShellCore/Operational")
_CLASSIC = "Windows PowerShell"

_NAMED: Mapping[str, str] = {
    "Application": "application",
    "Security": "security",
    "System": "system",
    SYSMON: "sysmon",
    _POWERSHELL[0]: "powershell",
    _POWERSHELL[1]: "powershell",
    _CLASSIC: "powershell-classic",
    "DNS Server": "dns-server",
    "MSExchange Management": "msexchange-management",
    "OpenSSH/Operational": "openssh",
    "Microsoft-IIS-Configuration/Operational": "iis-configuration",
    "Microsoft-ServiceBus-Client": "microsoft-servicebus-client",
    "Microsoft-ServiceBus-Client/Admin": "microsoft-servicebus-client",
    "Microsoft-ServiceBus-Client/Operational": "microsoft-servicebus-client",
}
_OPERATIONAL: Mapping[str, str] = {
    "AppLocker/EXE and DLL": "applocker",
    "AppLocker/MSI and Script": "applocker",
    "AppLocker/Packaged app-Deployment": "applocker",
    "AppLocker/Packaged app-Execution": "applocker",
    "AppModel-Runtime/Admin": "appmodel-runtime",
    "AppXDeploymentServer/Operational": "appxdeployment-server",
    "AppxPackaging/Operational": "appxpackaging-om",
    "Bits-Client/Operational": "bits-client",
    "CAPI2/Operational": "capi2",
    "CertificateServicesClient-Lifecycle-System/Operational": "certificateservicesclient-lifecycle-system",
    "CodeIntegrity/Operational": "codeintegrity-operational",
    "DHCP-Server/Operational": "dhcp",
    "Diagnosis-Scripted/Operational": "diagnosis-scripted",
    "DNS Client Events/Operational": "dns-client",
    "DNS-Client/Operational": "dns-client",
    "DNS-Server/Analytical": "dns-server-analytic",
    "DNS-Server/Audit": "dns-server-audit",
    "DNSServer/Analytical": "dns-server-analytic",
    "DNSServer/Audit": "dns-server-audit",
    "DriverFrameworks-UserMode/Operational": "driver-framework",
    "Hyper-V-Worker-Admin": "hyper-v-worker",
    "IIS-Configuration/Operational": "iis-configuration",
    "Kernel-EventTracing/Admin": "kernel-event-tracing",
    "Kernel-ShimEngine/Operational": "kernel-shimengine",
    "LDAP-Client/Debug": "ldap",
    "LSA/Operational": "lsa-server",
    "Ntfs/Operational": "ntfs",
    "NTLM/Operational": "ntlm",
    "PrintService/Admin": "printservice-admin",
    "PrintService/Operational": "printservice-operational",
    "Security-Mitigations/Kernel Mode": "security-mitigations",
    "Security-Mitigations/KernelMode": "security-mitigations",
    "Security-Mitigations/User Mode": "security-mitigations",
    "Security-Mitigations/UserMode": "security-mitigations",
    "Shell-Core/Operational": "shell-core",
    "SmbClient/Connectivity": "smbclient-connectivity",
    "SmbClient/Security": "smbclient-security",
    "SMBServer/Connectivity": "smbserver-connectivity",
    "TaskScheduler/Operational": "taskscheduler",
    "TerminalServices-LocalSessionManager/Operational": "terminalservices-localsessionmanager",
    "WMI-Activity/Operational": "wmi",
    "Windows Defender/Operational": "windefend",
    "Windows Firewall With Advanced Security/Firewall": "firewall-as",
}

SERVICES: Mapping[str, str] = {
    **{channel.casefold(): service for channel, service in _NAMED.items()},
    **{f"microsoft-windows-{channel}".casefold(): service for channel, service in _OPERATIONAL.items()},
}
"""Channel, in lower case → Sigma's service."""

_SYSMON: Mapping[int, Kind] = {
    1: Kind(classes.PROCESS, 1, "process_creation"),
    2: Kind(classes.FILE, 6, "file_change"),
    3: Kind(classes.NETWORK, 1, "network_connection"),
    4: Kind(classes.BASE, 99, "sysmon_status"),
    5: Kind(classes.PROCESS, 2, "process_termination"),
    6: Kind(classes.KERNEL_EXTENSION, 1, "driver_load"),
    7: Kind(classes.MODULE, 1, "image_load"),
    8: Kind(classes.BASE, 99, "create_remote_thread"),
    9: Kind(classes.FILE, 2, "raw_access_thread"),
    10: Kind(classes.BASE, 99, "process_access"),
    11: Kind(classes.FILE, 1, "file_event"),
    12: Kind(classes.REGISTRY_KEY, 99, "registry_event"),
    13: Kind(classes.REGISTRY_VALUE, 2, "registry_set"),
    14: Kind(classes.REGISTRY_KEY, 3, "registry_rename"),
    15: Kind(classes.FILE, 1, "create_stream_hash"),
    16: Kind(classes.BASE, 99, "sysmon_status"),
    17: Kind(classes.BASE, 99, "pipe_created"),
    18: Kind(classes.BASE, 99, "pipe_created"),
    19: Kind(classes.BASE, 99, "wmi_event"),
    20: Kind(classes.BASE, 99, "wmi_event"),
    21: Kind(classes.BASE, 99, "wmi_event"),
    22: Kind(classes.DNS, 1, "dns_query"),
    23: Kind(classes.FILE, 4, "file_delete"),
    24: Kind(classes.BASE, 99, "clipboard_capture"),
    25: Kind(classes.BASE, 99, "process_tampering"),
    26: Kind(classes.FILE, 4, "file_delete"),
    27: Kind(classes.FILE, 99, "file_block_executable"),
    28: Kind(classes.FILE, 99, "file_block_shredding"),
    29: Kind(classes.FILE, 1, "file_executable_detected"),
    255: Kind(classes.BASE, 99, "sysmon_error"),
}
_REGISTRY_KEYS: Mapping[str, Kind] = {
    "CreateKey": Kind(classes.REGISTRY_KEY, 1, "registry_add"),
    "CreateValue": Kind(classes.REGISTRY_VALUE, 2, "registry_add"),
    "DeleteKey": Kind(classes.REGISTRY_KEY, 4, "registry_delete"),
    "DeleteValue": Kind(classes.REGISTRY_VALUE, 4, "registry_delete"),
}
_SECURITY: Mapping[int, Kind] = {
    1102: Kind(classes.EVENT_LOG, 1),
    4624: Kind(classes.AUTHENTICATION, 1),
    4625: Kind(classes.AUTHENTICATION, 1),
    4634: Kind(classes.AUTHENTICATION, 2),
    4647: Kind(classes.AUTHENTICATION, 2),
    4648: Kind(classes.AUTHENTICATION, 1),
    4688: Kind(classes.PROCESS, 1, "process_creation"),
    4689: Kind(classes.PROCESS, 2, "process_termination"),
    4698: Kind(classes.SCHEDULED_JOB, 1),
    4699: Kind(classes.SCHEDULED_JOB, 3),
    4702: Kind(classes.SCHEDULED_JOB, 2),
    4720: Kind(classes.ACCOUNT_CHANGE, 1),
    4722: Kind(classes.ACCOUNT_CHANGE, 2),
    4723: Kind(classes.ACCOUNT_CHANGE, 3),
    4724: Kind(classes.ACCOUNT_CHANGE, 3),
    4726: Kind(classes.ACCOUNT_CHANGE, 6),
    4768: Kind(classes.AUTHENTICATION, 3),
    4769: Kind(classes.AUTHENTICATION, 3),
}
_BY_CHANNEL: Mapping[str, Mapping[int, Kind]] = {
    SYSMON.casefold(): _SYSMON,
    "security": _SECURITY,
    "system": {104: Kind(classes.EVENT_LOG, 1)},
    _CLASSIC.casefold(): {
        400: Kind(classes.BASE, 99, "ps_classic_start"),
        600: Kind(classes.BASE, 99, "ps_classic_provider_start"),
        800: Kind(classes.BASE, 99, "ps_classic_script"),
    },
    **{
        channel.casefold(): {
            4103: Kind(classes.SCRIPT, 1, "ps_module"),
            4104: Kind(classes.SCRIPT, 1, "ps_script"),
        }
        for channel in _POWERSHELL
    },
}
_OTHER = Kind()
FAILED = frozenset({"4625", "4771", "4776"})
"""Security events that report a failure by their number."""


def kind(channel: str, number: int, event_type: str = "") -> Kind:
    """What an event is. `event_type` is Sysmon's `EventType`, which tells what was done to a registry key."""
    known = _BY_CHANNEL.get(channel.casefold(), {})
    if number == 12 and known is _SYSMON:
        return _REGISTRY_KEYS.get(event_type, _SYSMON[12])
    return known.get(number, _OTHER)


def service(channel: str, provider: str) -> str:
    """Sigma's service of a channel; where the channel is not told, that of the provider's usual one."""
    if channel:
        return SERVICES.get(channel.casefold(), "")
    return SERVICES.get(f"{provider}/operational".casefold(), "")
