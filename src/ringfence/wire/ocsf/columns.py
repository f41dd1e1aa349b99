"""The columns of a batch: OCSF attribute paths, and those of our extension for GPUs, fabrics and jobs.

Three types: `text` (UTF-8), `int` (64 bits, signed) and `real` (64 bits). A column that a batch lacks is null in all
its rows. Every other name is kept as text under `unmapped.`.
"""

from collections.abc import Mapping

import msgspec

UNMAPPED = "unmapped."


class Column(msgspec.Struct, frozen=True):
    """One column: its name, its type (`text`, `int`, `real`) and its meaning."""

    name: str
    type: str
    meaning: str


HEADER = ("source", "seq", "time", "received", "class_uid", "activity_id", "device.hostname", "logsource")
"""What every batch has, and no row of it is null."""

_ROWS = (
    # every event
    ("source", "text", "who sent it: the enrolled key's holder and its sensor, `host:gpu0001/sockets`"),
    ("seq", "int", "its number at that source, from 1; 0 where the source does not count"),
    ("time", "int", "microseconds since the epoch, UTC, by the source's clock"),
    ("received", "int", "the same by the receiver's clock; 0 when read from a file"),
    ("class_uid", "int", "its class, as in `classes.CLASSES`"),
    ("activity_id", "int", "what happened, by its class"),
    ("device.hostname", "text", "the bare name of the host that it happened on"),
    ("logsource", "text", "product/category/service, as Sigma names log sources"),
    ("message", "text", "the line as its tool wrote it, or what it says"),
    ("severity_id", "int", "0 unknown, 1 informational … 6 fatal, as the tool rated it"),
    ("status_id", "int", "1 success, 2 failure"),
    ("rule.name", "text", "the tool's own rule that fired (Falco, Suricata)"),
    # processes; of a process activity the started one, `actor.process` being its parent
    ("process.pid", "int", ""),
    ("process.cmd_line", "text", ""),
    ("process.name", "text", "the base name of the program"),
    ("process.file.path", "text", "the path of the program"),
    ("process.working_directory", "text", ""),
    ("process.user.name", "text", ""),
    ("process.integrity", "text", ""),
    ("process.original_file_name", "text", "as its version resource has it"),
    ("process.hashes", "text", "`NAME=value`, comma separated"),
    ("process.container.name", "text", ""),
    ("process.container.image", "text", ""),
    ("process.cgroup", "text", "the control group's path"),
    # whoever acted: the parent of a started process, else the process that did it
    ("actor.process.pid", "int", ""),
    ("actor.process.cmd_line", "text", ""),
    ("actor.process.name", "text", ""),
    ("actor.process.file.path", "text", ""),
    ("actor.user.name", "text", ""),
    ("actor.user.uid", "int", "the number of the account"),
    ("actor.user.domain", "text", "where the account is defined: a service account's namespace"),
    ("actor.session.uid", "text", ""),
    ("user.name", "text", "the account that is acted on, or that logs in"),
    # files, modules, configuration
    ("file.path", "text", ""),
    ("file.name", "text", ""),
    ("file.data", "text", "the dataset, model or checkpoint that it belongs to, as an entity id"),
    ("file.size", "int", "bytes"),
    ("file.bytes", "int", "bytes read or written in this activity"),
    ("file.hashes", "text", ""),
    ("file_result.path", "text", "its new name"),
    ("module.file.path", "text", ""),
    ("module.file.hashes", "text", ""),
    ("module.signed", "text", "true or false"),
    ("reg_key.path", "text", ""),
    ("reg_value.name", "text", ""),
    ("reg_value.data", "text", ""),
    # network
    ("src_endpoint.ip", "text", ""),
    ("src_endpoint.port", "int", ""),
    ("src_endpoint.hostname", "text", ""),
    ("dst_endpoint.ip", "text", ""),
    ("dst_endpoint.port", "int", ""),
    ("dst_endpoint.hostname", "text", ""),
    ("connection_info.protocol_name", "text", "tcp, udp, sctp, icmp, rdma"),
    ("connection_info.direction", "text", "inbound, outbound, lateral"),
    ("traffic.bytes_out", "int", "bytes that the opener sent"),
    ("traffic.bytes_in", "int", "bytes that came back"),
    ("traffic.connections", "int", "connections in an interval"),
    ("traffic.packets_out", "int", ""),
    ("traffic.packets_in", "int", ""),
    ("query.hostname", "text", ""),
    ("query.type", "text", ""),
    ("answers", "text", ""),
    ("http_request.url", "text", ""),
    ("http_request.method", "text", ""),
    ("http_request.user_agent", "text", ""),
    ("http_response.code", "int", ""),
    ("tls.sni", "text", ""),
    # authentication and interfaces
    ("auth_protocol", "text", "publickey, password, gssapi, munge, token, certificate"),
    ("service.name", "text", "the service that is used: sshd, slurmctld, redfish"),
    ("api.operation", "text", "the verb"),
    ("api.service.name", "text", ""),
    ("api.request.uid", "text", ""),
    ("resource.name", "text", ""),
    ("resource.namespace", "text", ""),
    ("resource.type", "text", ""),
    # our extension: jobs
    ("job.uid", "text", "the job's entity id, `job:slurm/<cluster>/<number>` or `pod:…`"),
    ("job.name", "text", ""),
    ("job.user", "text", "the account that it runs as"),
    ("job.account", "text", "the scheduler's account, a tenant"),
    ("job.partition", "text", ""),
    ("job.hosts", "text", "its hosts' bare names, comma separated"),
    ("job.nodes", "int", "how many hosts"),
    ("job.gpus", "int", "how many accelerators in all"),
    ("job.kind", "text", "train, infer, evaluate, data, interactive, cpu; as declared or learned"),
    ("job.state", "text", "as the scheduler has it"),
    ("job.exit_code", "int", ""),
    ("job.rank", "int", ""),
    ("job.command", "text", "the script or command submitted"),
    ("job.dependency", "text", ""),
    ("job.reservation", "text", ""),
    ("job.features", "text", "features and generic resources asked for"),
    # our extension: accelerators
    ("gpu.uuid", "text", ""),
    ("gpu.index", "int", ""),
    ("gpu.model", "text", ""),
    ("gpu.utilization", "real", "percent of the interval in which a kernel ran"),
    ("gpu.memory_utilization", "real", "percent of the interval in which memory was read or written"),
    ("gpu.tensor_active", "real", "0 to 1"),
    ("gpu.memory_used", "int", "bytes"),
    ("gpu.power", "real", "watts"),
    ("gpu.temperature", "real", "degrees Celsius"),
    ("gpu.clock", "int", "MHz of the multiprocessors"),
    ("gpu.pcie_tx", "int", "bytes a second"),
    ("gpu.pcie_rx", "int", "bytes a second"),
    ("gpu.nvlink_tx", "int", "bytes a second over all links"),
    ("gpu.nvlink_rx", "int", "bytes a second over all links"),
    ("gpu.xid", "int", "the driver's error number"),
    ("gpu.ecc_uncorrected", "int", "count since boot"),
    ("gpu.processes", "int", "processes with a context on it"),
    ("gpu.samples", "int", "reads of performance counters by a process since the last such event"),
    ("gpu.setting", "text", "the mode that was changed"),
    ("gpu.value", "text", "what it was changed to"),
    # our extension: links, ports, RDMA resources, fabric management
    ("nvlink.link", "int", ""),
    ("nvlink.state", "text", ""),
    ("nvlink.tx", "int", "bytes since the last sample"),
    ("nvlink.rx", "int", "bytes since the last sample"),
    ("nvlink.errors", "int", "CRC, replay and recovery errors since the last sample"),
    ("ib.guid", "text", "the port's GUID, as in `ibport:` entities"),
    ("ib.device", "text", ""),
    ("ib.port", "int", ""),
    ("ib.state", "text", ""),
    ("ib.xmit", "int", "bytes since the last sample"),
    ("ib.rcv", "int", "bytes since the last sample"),
    ("ib.xmit_wait", "int", "ticks since the last sample"),
    ("ib.errors", "int", "symbol, link, discard and constraint errors since the last sample"),
    ("ib.constraint_errors", "int", "packets dropped by partition keys since the last sample"),
    ("ib.pkey", "text", "the partition key, 0x8001"),
    ("ib.manager", "text", "the subnet manager's GUID"),
    ("rdma.qpn", "int", "the queue pair's number"),
    ("rdma.peer_qpn", "int", ""),
    ("rdma.peer", "text", "the peer's port as an entity id; null where the kernel does not tell"),
    ("rdma.type", "text", "RC, UC, UD, XRC"),
    ("rdma.state", "text", ""),
    ("rdma.memory", "int", "bytes registered"),
    ("interval", "real", "seconds that a sample stands for"),
    # our extension: what the fence refuses
    ("fence.rule", "text", "the counter or quota of the fence's table: denied_out, spend_…"),
    ("fence.packets", "int", "packets denied since it was last told; of a throttled budget since that began"),
    ("fence.bytes", "int", "their bytes"),
    ("fence.limit", "int", "bytes that the budget lets through, as its quota stands"),
    ("fence.used", "int", "bytes that its quota counted"),
    # our extension: machines below the system
    ("hardware.controller", "text", "the controller that says so, `bmc:…`"),
    ("hardware.component", "text", "the part that it is about"),
    ("hardware.serial", "text", ""),
    ("hardware.previous", "text", "serial or version before"),
    ("hardware.version", "text", "of firmware"),
    ("hardware.message_id", "text", "of Redfish's message registry, or the IPMI event type"),
    ("hardware.sensor", "text", ""),
    # our extension: the telemetry itself
    ("telemetry.of", "text", "the source that it is about"),
    ("telemetry.count", "int", "events lost, dropped or rejected"),
    ("telemetry.seconds", "real", "of skew or of silence"),
    ("telemetry.why", "text", ""),
    # our extension: what a host did in an interval, as the cluster-wide detectors see it
    ("host.gpu_utilization", "real", "mean percent over its accelerators"),
    ("host.gpu_power", "real", "mean watts over its accelerators"),
    ("host.gpu_memory_used", "real", "mean bytes over its accelerators"),
    ("host.gpu_clock", "real", "mean MHz over its accelerators"),
    ("host.programs", "text", "names of programs that started, comma separated, at most 16"),
    ("host.nvlink", "real", "bytes a second"),
    ("host.ib_xmit", "real", "bytes a second"),
    ("host.ib_rcv", "real", "bytes a second"),
    ("host.net_out", "real", "bytes a second over IP to hosts outside its job"),
    ("host.net_in", "real", "bytes a second"),
    ("host.flows", "int", "connections opened"),
    ("host.peers", "int", "distinct addresses"),
    ("host.processes", "int", "processes started"),
    ("host.files", "int", "files opened"),
    ("host.read", "real", "bytes a second read from files"),
    ("host.written", "real", "bytes a second written to files"),
    ("host.errors", "int", "link and device errors"),
    ("host.events", "int", "events that it was made from"),
)

COLUMNS: Mapping[str, Column] = {name: Column(name, type_, meaning) for name, type_, meaning in _ROWS}
