"""What Sigma calls the log source of an event, where the tool that wrote it has no name in Sigma's taxonomy.

Sigma's own names stand for what it knows (`linux/process_creation/`); ours for jobs, accelerators, fabrics and links.
The rules of the pack (`watch/pack`) ask for the product and, where several tools report the same class, the class.
"""

from collections.abc import Mapping

from ringfence.wire.ocsf import classes

USUAL: Mapping[int, str] = {
    classes.FILE: "linux//file",
    classes.MODULE: "linux/module_load/",
    classes.PROCESS: "linux/process_creation/",
    classes.AUTHENTICATION: "linux//auth",
    classes.SSH: "linux//sshd",
    classes.ACCOUNT_CHANGE: "linux//auth",
    classes.USER_ACCESS: "linux//auth",
    classes.SCHEDULED_JOB: "linux//cron",
    classes.NETWORK: "linux/network_connection/",
    classes.DNS: "linux/dns/",
    classes.API: "kubernetes//audit",
    classes.GPU: "nvidia//nvml",
    classes.NVLINK: "nvidia//nvlink",
    classes.HARDWARE: "redfish/hardware/event",
    classes.IB_PORT: "infiniband//port",
    classes.FABRIC: "infiniband//opensm",
    classes.RDMA: "linux//rdma",
    classes.FENCE: "linux//nftables",
    classes.JOB: "slurm//job",
    classes.TELEMETRY: "ringfence/telemetry/health",
}
"""Class → `product/category/service` of its events, any part empty."""
