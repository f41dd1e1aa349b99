"""Outside ids with what they are called, each read in the file that is named here. Facts; no text of theirs is copied.

- D3FEND 1.6.0: d3fend/d3fend, `ontologies/d3fend/1.6.0/d3fend.csv` at 2cb8a21 (<https://d3fend.mitre.org>).
- CIS Kubernetes Benchmark 1.11.1: aquasecurity/kube-bench, `cfg/cis-1.11/policies.yaml` at 146f4af and
  `cfg/cis-1.11/node.yaml` at 15e0765 (<https://www.cisecurity.org/benchmark/kubernetes>).
- CIS Distribution Independent Linux Benchmark 2.0.0: dev-sec/cis-dil-benchmark,
  `controls/5_2_ssh_server_configuration.rb` and `controls/6_2_user_and_group_settings.rb` at 2af186a.

A check names an id only where its remedy is that technique, or is what that recommendation asks for.
"""

from collections.abc import Mapping

D3FEND: Mapping[str, str] = {
    "D3-ACH": "Application Configuration Hardening",
    "D3-AL": "Account Locking",
    "D3-BA": "Bootloader Authentication",
    "D3-BDI": "Broadcast Domain Isolation",
    "D3-CDP": "Change Default Password",
    "D3-CFC": "Content Format Conversion",
    "D3-CR": "Credential Revocation",
    "D3-CRO": "Credential Rotation",
    "D3-FIM": "File Integrity Monitoring",
    "D3-HCI": "Hardware Component Inventory",
    "D3-KBPI": "Kernel-based Process Isolation",
    "D3-LFP": "Local File Permissions",
    "D3-MAN": "Message Authentication",
    "D3-NAM": "Network Access Mediation",
    "D3-NI": "Network Isolation",
    "D3-NTF": "Network Traffic Filtering",
    "D3-OTF": "Outbound Traffic Filtering",
    "D3-PBWSAM": "Proxy-based Web Server Access Mediation",
    "D3-PLM": "Physical Link Mapping",
    "D3-PWA": "Password Authentication",
    "D3-RFAM": "Remote File Access Mediation",
    "D3-SU": "Software Update",
    "D3-TBA": "Token-based Authentication",
    "D3-UAP": "User Account Permissions",
    "D3-UGPH": "User Group Permissions",
}
"""Technique of D3FEND → its name."""

CIS: Mapping[str, str] = {
    "Kubernetes 4.2.1": "the kubelet refuses anonymous callers",
    "Kubernetes 4.2.2": "the kubelet authorizes callers",
    "Kubernetes 5.1.1": "cluster-admin only where needed",
    "Kubernetes 5.1.2": "little access to secrets",
    "Kubernetes 5.1.3": "few wildcards in roles",
    "Kubernetes 5.1.8": "few rights to bind, impersonate and escalate",
    "Kubernetes 5.2.1": "a policy control is active",
    "Kubernetes 5.2.2": "few privileged containers",
    "Kubernetes 5.2.3": "few containers in the host's process namespace",
    "Kubernetes 5.2.4": "few containers in the host's IPC namespace",
    "Kubernetes 5.2.5": "few containers in the host's network namespace",
    "Kubernetes 5.2.9": "few containers with added capabilities",
    "Kubernetes 5.2.12": "few HostPath volumes",
    "Kubernetes 5.3.2": "network policies in all namespaces",
    "Linux 5.2.9": "no host-based authentication over SSH",
    "Linux 5.2.10": "no login of root over SSH",
    "Linux 5.2.18": "SSH lets in named users or groups",
    "Linux 6.2.8": "homes at 750 or stricter",
}
"""Recommendation of a CIS benchmark, as `benchmark number` → what it asks for, in our words."""
