"""The vocabulary of the estate: what exists, what can be held, and what can be said.

Three tables. `KINDS`: the kinds of entity. `CAPABILITIES`: what an attacker can hold of one.
`PREDICATES`: what a fact can say. A name that stands in none of them is refused when an estate
is built, so that two rooms can never mean different things by it.
"""

import msgspec

JEWELS = ("model", "checkpoint", "dataset")
"""Kinds that are crown jewels unless the user marks others (a signing key is marked by its collector)."""

ZONES = ("access", "management", "compute", "storage")
"""The zones of a high-performance cluster (NIST SP 800-223, section 2)."""

EVERYONE = "identity:*"
"""Stands for every account there is: "world readable" is `readable_by identity:*`."""

OUTSIDE = "network:internet"
"""Where stolen weights go, and where an outsider stands."""


class Kind(msgspec.Struct, frozen=True):
    """One kind of entity. `default` is the capability meant when a user names only the entity."""

    name: str
    default: str
    meaning: str


class Predicate(msgspec.Struct, frozen=True):
    """One thing that can be said.

    `subject` and `object` name the kinds allowed; `("value",)` as object means a plain value.
    """

    name: str
    subject: tuple[str, ...]
    object: tuple[str, ...]
    meaning: str


CAPABILITIES: dict[str, str] = {
    "root": "run any code as the superuser",
    "user": "run code as some ordinary account",
    "code": "run code inside this job, pod or container, with its rights",
    "memory": "read and write this accelerator's memory",
    "send": "send traffic that this port or network carries",
    "manage": "send management datagrams or change the configuration of this fabric",
    "connect": "open a connection to this service",
    "use": "act as this identity, role or credential",
    "read": "read the bytes",
    "write": "change the bytes or what they will become",
    "mount": "act as a client of this storage with ordinary rights",
    "impersonate": "act as any account that this storage knows",
    "admin": "administer this thing completely",
    "login": "log in to the hosts of this cluster as an ordinary account",
    "submit": "submit work to this partition or queue",
    "export": "map memory across the hosts of this NVLink domain or IMEX channel",
    "observe": "watch timing or counters of a neighbour's work",
    "stolen": "have a copy outside the cluster",
    "discover": "know that it exists and how to name it",
    "relay": "pass traffic on through a member that may talk to everyone",
    "context": "run kernels on this accelerator, in an address space of one's own",
}

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("host", "root", "a machine that runs jobs, services or logins; `host:gpu0001`"),
        Kind("workstation", "user", "a person's own machine; `workstation:alice-laptop`"),
        Kind("gpu", "memory", "one accelerator, by UUID; `gpu:GPU-3f…`"),
        Kind("ibport", "send", "one InfiniBand or RoCE port, by port GUID; `ibport:0x7cfe…`"),
        Kind(
            "nvlink", "export", "one NVLink domain; `nvlink:<clusterUUID>/<clique>`, on a single host `nvlink:<host>`"
        ),
        Kind("imex", "export", "one IMEX channel of an NVLink domain; `imex:<domain>/<n>`"),
        Kind("switch", "admin", "a switch of any fabric; `switch:<guid or name>`"),
        Kind("bmc", "admin", "a baseboard management controller; `bmc:<host or serial>`"),
        Kind("cluster", "admin", "one scheduler or Kubernetes control plane; `cluster:<name>`"),
        Kind("partition", "submit", "a scheduler's partition or queue; `partition:<cluster>/<name>`"),
        Kind("namespace", "admin", "a Kubernetes namespace; `namespace:<cluster>/<name>`"),
        Kind("job", "code", "one job of a batch scheduler; `job:slurm/<cluster>/4711`"),
        Kind("pod", "code", "one pod; `pod:<cluster>/<namespace>/<name>`"),
        Kind("container", "code", "one container of a pod; `container:<cluster>/<namespace>/<pod>/<name>`"),
        Kind("identity", "use", "an account, service account or group; `identity:alice`"),
        Kind("role", "use", "a set of permissions with its scope; `role:<cluster>/<namespace>/<name>`"),
        Kind("credential", "use", "a key, token or password, by salted hash; `credential:ssh/…`"),
        Kind("dataset", "read", "training or evaluation data; `dataset:<name>`"),
        Kind("model", "read", "weights; `model:<name>`"),
        Kind("checkpoint", "read", "the saved state of a training run; `checkpoint:<name>`"),
        Kind("image", "write", "a container image; `image:<reference>`"),
        Kind("package", "write", "a software package; `package:<purl without version>`"),
        Kind("firmware", "write", "one firmware image in one version; `firmware:<product>/<version>`"),
        Kind("component", "admin", "a hardware part, by serial; `component:<serial>`"),
        Kind("storage", "read", "an export, file system, volume or bucket; `storage:<server>:<path>`"),
        Kind("service", "connect", "a listening service; `service:<host>/<name>:<port>`"),
        Kind("network", "send", "a subnet, VPC, security group, fabric or partition key; `network:…`"),
        Kind("tenant", "use", "a customer, project or account; `tenant:<name>`"),
    )
}

_RUNS = ("job", "pod", "container", "service")
_DATA = ("dataset", "model", "checkpoint")
_ANY = ("any",)
_VALUE = ("value",)

PREDICATES: dict[str, Predicate] = {
    row.name: row
    for row in (
        # inventory
        Predicate(
            "in_cluster",
            ("host", "partition", "namespace", "service", "job", "identity", "credential"),
            ("cluster",),
            "belongs to this control plane",
        ),
        Predicate("in_zone", ("host", "network", "service", "cluster"), _VALUE, "lies in this zone of NIST SP 800-223"),
        Predicate("in_rack", ("host", "switch"), _VALUE, "stands in this rack"),
        Predicate(
            "in_tenant",
            ("identity", "job", "host", "partition", "namespace", "network", *_DATA),
            ("tenant",),
            "works for or belongs to this tenant",
        ),
        Predicate("has_gpu", ("host",), ("gpu",), "has this accelerator; attributes index, model, memory_mib, pci"),
        Predicate(
            "has_port", ("host", "switch", "storage"), ("ibport",), "has this fabric port; attributes device, port"
        ),
        Predicate("cabled_to", ("ibport",), ("ibport",), "is cabled to; attributes rate"),
        Predicate("managed_by", ("host",), ("bmc",), "is managed by this controller"),
        Predicate(
            "has_component", ("host", "bmc", "switch"), ("component",), "has this part; attributes slot, model, maker"
        ),
        Predicate(
            "runs_firmware",
            ("host", "gpu", "ibport", "bmc", "switch", "component"),
            ("firmware",),
            "runs this firmware; attributes version, name",
        ),
        Predicate(
            "runs_software",
            ("host", "cluster", "service", "bmc", "switch", "container", "image"),
            ("package",),
            "has this software; attributes version",
        ),
        Predicate("setting", _ANY, _VALUE, "has this setting, written `name=value`"),
        Predicate(
            "device_open", ("host",), _VALUE, "ordinary accounts may open these device nodes: gpu, umad, uverbs, imex"
        ),
        Predicate("same_as", _ANY, _ANY, "is the same thing under another id, by the rule that its source names"),
        Predicate("labelled", _ANY, _VALUE, "carries this label, written `key=value`"),
        # networks and services
        Predicate(
            "attached_to",
            ("host", "workstation", "bmc", "container", "pod", "switch", "storage"),
            ("network",),
            "has an address there; attributes address",
        ),
        Predicate(
            "routes_to", ("network",), ("network",), "traffic may pass from the first to the second; attributes port"
        ),
        Predicate("listens_on", ("service",), ("network",), "accepts connections from there; attributes port, address"),
        Predicate(
            "connects_to",
            ("job", "pod", "container", "host"),
            ("service", "host", "network"),
            "was seen to open connections there; attributes port, protocol",
        ),
        Predicate("runs_on", _RUNS, ("host",), "runs on this host"),
        Predicate(
            "service_kind",
            ("service",),
            _VALUE,
            "is of this kind: ssh, nfs, slurmctld, slurmrestd, kube-api, kubelet, redfish, ray, jupyter, mlflow, triton, dcgm, registry, ringfence, http",
        ),
        Predicate(
            "authenticates",
            ("service", "bmc", "storage"),
            _VALUE,
            "how callers prove who they are: none, default-password, password, key, token, mtls",
        ),
        Predicate(
            "reaches_outside",
            ("host", "workstation", "network", "container"),
            ("network",),
            "can send to the outside; attributes mbit_s",
        ),
        Predicate(
            "vulnerable_to",
            _ANY,
            _VALUE,
            "has this weakness; attributes gives (what exploiting it yields), and of an advisory verdict, fixed, missing",
        ),
        Predicate(
            "requires_constraint",
            ("host", "gpu", "nvlink"),
            _VALUE,
            "must be used so until what is wrong with it is mended: own-images-only, one-tenant, no-foreign-neighbour",
        ),
        Predicate(
            "constraint_in_force",
            ("host", "gpu", "nvlink"),
            _VALUE,
            "the fence was proven to keep it to this; attributes held (false: proven not to), by (proof: what was "
            "compiled; read-back: what is there), reason",
        ),
        # identity
        Predicate("logs_in_from", ("identity",), ("workstation",), "this account's owner works there"),
        Predicate("may_login", ("identity",), ("host", "cluster"), "may open a session there"),
        Predicate("unlocks", ("credential",), ("identity",), "proves to be this account"),
        Predicate(
            "unlocks_from",
            ("credential",),
            ("identity",),
            "proves to be this account, but only from the places that `accepted_from` names",
        ),
        Predicate("accepted_from", ("identity",), ("host", "workstation"), "some host accepts this account from there"),
        Predicate(
            "accepts_key",
            ("host", "cluster", "bmc"),
            ("credential",),
            "admits the holder of this key; attributes account",
        ),
        Predicate(
            "stores_credential",
            ("host", "workstation", "storage", "container", "pod", "image", "namespace", "cluster", "service", "job"),
            ("credential",),
            "keeps this secret; attributes readable_by (root, user), path, mode",
        ),
        Predicate(
            "keeps_credential", ("identity",), ("credential",), "a file that only this account reads holds this secret"
        ),
        Predicate("stores_home", ("storage",), ("identity",), "keeps this account's home folder"),
        Predicate("member_of", ("identity",), ("identity",), "belongs to this group; `identity:*` needs no such fact"),
        Predicate("federated_as", ("identity",), ("identity",), "one sign-on serves both accounts"),
        Predicate("same_secret", ("credential",), ("credential",), "the salted hashes are equal"),
        Predicate("agent_forwarded", ("identity",), ("host",), "its SSH agent answers there"),
        Predicate(
            "acts_as",
            ("host",),
            ("identity",),
            "its own agent, the kubelet, is this account; attributes process, bound (a binding gives it something)",
        ),
        Predicate("stands_for", ("host",), ("host",), "is drawn for one of these; which, is not decided yet"),
        Predicate("session_on", ("identity",), ("host",), "has a session or process there"),
        Predicate(
            "trusts_host", ("host", "cluster"), ("host", "cluster"), "lets accounts of the second in without proof"
        ),
        Predicate(
            "may_sudo", ("identity",), ("host", "cluster"), "may become the superuser there; attributes nopasswd"
        ),
        Predicate("may_use_runtime", ("identity",), ("host", "cluster"), "may talk to the container runtime there"),
        Predicate(
            "root_runs_from",
            ("host", "cluster"),
            ("storage",),
            "the superuser runs programs kept there; attributes path, hook",
        ),
        # scheduler
        Predicate("controls", ("host",), ("cluster",), "runs this cluster's control plane"),
        Predicate(
            "scheduler_key",
            ("credential",),
            ("cluster",),
            "whoever has it speaks as anyone, root included, to this scheduler",
        ),
        Predicate("in_partition", ("host",), ("partition",), "takes work from this partition or queue"),
        Predicate("may_submit", ("identity", "tenant"), ("partition",), "may submit work to it"),
        Predicate(
            "operates", ("identity",), ("cluster",), "is operator or administrator of this scheduler; attributes level"
        ),
        Predicate("coordinates", ("identity",), ("tenant",), "is coordinator of this account"),
        Predicate(
            "runs_as", ("job", "pod", "container", "service"), ("identity", "role"), "runs with this account's rights"
        ),
        Predicate(
            "part_of",
            ("gpu", "container", "job", "network", "storage", "dataset"),
            ("gpu", "pod", "job", "network", "storage", "dataset"),
            "is a part of",
        ),
        Predicate("depends_on", ("job",), ("job",), "starts after"),
        Predicate(
            "used_gpu_hours",
            ("tenant", "identity", "cluster", "job"),
            _VALUE,
            "accelerator hours charged; attributes since, until",
        ),
        # accelerators
        Predicate(
            "uses_gpu", ("job", "pod", "container"), ("gpu",), "was given this accelerator; attributes mig, share"
        ),
        Predicate("nvlink_member", ("gpu",), ("nvlink",), "is in this NVLink domain; attributes partition"),
        Predicate("imex_of", ("imex",), ("nvlink",), "is a channel of this domain"),
        Predicate("uses_imex", ("host", "job", "container"), ("imex",), "holds this IMEX channel"),
        # fabric
        Predicate("on_fabric", ("ibport", "switch"), ("network",), "is part of this fabric"),
        Predicate(
            "in_pkey", ("ibport",), ("network",), "holds this partition key; attributes membership (full, limited)"
        ),
        Predicate(
            "sm_on", ("network",), ("host", "switch"), "its subnet manager runs there; attributes state, priority"
        ),
        Predicate("rdma_peer", ("job", "host"), ("ibport",), "has a queue pair there; attributes pid, state"),
        # storage, data, artefacts
        Predicate(
            "mounts",
            ("host", "container", "job", "pod", "workstation"),
            ("storage",),
            "mounts it; attributes mode (rw, ro), path",
        ),
        Predicate(
            "mounts_host_path", ("container",), _VALUE, "mounts this path of its host; attributes mode (rw, ro), path"
        ),
        Predicate(
            "runs_with",
            ("container", "job"),
            _VALUE,
            "has this privilege: privileged, host_pid, host_network, host_ipc, share_pid, root, cap:NAME",
        ),
        Predicate("exported_by", ("storage",), ("host", "service"), "is served by"),
        Predicate(
            "exported_to", ("storage",), ("host", "network", "cluster"), "is offered to; attributes mode (rw, ro)"
        ),
        Predicate("stored_on", (*_DATA, "image"), ("storage",), "lies there; attributes path, mode, owner"),
        Predicate("readable_by", (*_DATA, "storage"), ("identity", "role"), "this account may read it"),
        Predicate(
            "writable_by", (*_DATA, "storage", "image", "package"), ("identity", "role"), "this account may change it"
        ),
        Predicate("has_format", _DATA, _VALUE, "is kept in this format: safetensors, pickle, parquet, …"),
        Predicate("size_bytes", _DATA, _VALUE, "has this size"),
        Predicate("trained_from", ("model", "checkpoint"), _DATA, "was made from"),
        Predicate("checkpoint_of", ("checkpoint",), ("model",), "is a state of this model's training"),
        Predicate("reads", _RUNS, (*_DATA, "storage"), "loads it"),
        Predicate("writes", _RUNS, (*_DATA, "storage"), "changes it"),
        Predicate("uses_image", ("job", "container", "service"), ("image",), "starts from this image"),
        Predicate(
            "contains_package", ("image", "model", "job", "storage"), ("package",), "is built with; attributes version"
        ),
        Predicate("pulled_from", ("image", "model", "dataset", "package"), ("service",), "comes from this registry"),
        Predicate(
            "has_hash", (*_DATA, "image", "package", "firmware"), _VALUE, "has this digest; attributes algorithm"
        ),
        # Kubernetes and cloud
        Predicate(
            "in_namespace",
            ("pod", "role", "identity", "service", "credential"),
            ("namespace",),
            "lives in this namespace",
        ),
        Predicate("holds_role", ("identity", "host"), ("role",), "has these permissions"),
        Predicate("permits", ("role",), _VALUE, "allows `verb resource`, both as the platform names them"),
        Predicate(
            "permits_on",
            ("role",),
            ("pod", "identity", "role", "credential"),
            "allows it on this one thing; attributes permission (`verb resource`), by",
        ),
        Predicate("scoped_to", ("role",), ("namespace", "cluster"), "its permissions hold there"),
        Predicate("assumes", ("role", "identity"), ("role", "identity"), "may become"),
        Predicate("selects", ("service",), ("pod", "container"), "sends its connections there; attributes port"),
        Predicate(
            "shares_volume", ("container",), ("storage",), "mounts this volume of the platform; attributes mode, path"
        ),
        # trust in Ringfence itself
        Predicate("watched_by", ("host", "cluster"), ("service",), "reports to this Ringfence server"),
        Predicate("enforced_by", ("host", "cluster"), ("service",), "obeys orders of this Ringfence server"),
        Predicate("signs_orders", ("credential",), ("service",), "orders signed with it are obeyed"),
        # meta
        Predicate("jewel", _ANY, _VALUE, "is a crown jewel, for this reason; attributes value, marked_by"),
        Predicate("asked", _ANY, _VALUE, "coverage: this aspect was asked for; attributes answered, complete, reason"),
        Predicate(
            "assumed_like",
            ("host",),
            ("host",),
            "was not captured; its facts are those of the second, of the same class",
        ),
        Predicate(
            "changed_part",
            ("host", "bmc", "switch"),
            ("component",),
            "a part that was not there at the last survey; attributes slot, was",
        ),
        Predicate(
            "tampered",
            ("host", "bmc", "switch"),
            _VALUE,
            "reports physical tampering: chassis-open, cable-moved, integrity-failed",
        ),
    )
}


def kind_of(entity: str) -> str:
    """The kind of an entity id, or "" for a plain value.

    >>> kind_of("host:gpu0001")
    'host'
    """
    prefix, colon, _ = entity.partition(":")
    return prefix if colon and prefix in KINDS else ""
