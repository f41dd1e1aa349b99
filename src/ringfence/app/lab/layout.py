"""Who is in the lab and where: names, addresses, files. Everything else asks here.

ws ──┐                     ┌── out (the outside: its sink counts what arrives)
login, store, ctl, ibm ────┼── net (a bridge and a router in a namespace of its own)
gpu01 … gpuNN ─────────────┘
"""

from pathlib import Path

import msgspec

PREFIX = "rflab-"
"""Of the names of namespaces (`ip netns`)."""

CLUSTER = "lab"
INSIDE = "10.77.0.0/16"
OUTSIDE = "192.88.99.10"
"""The outside host. The block is reserved and routed nowhere (RFC 7526); in the lab it lies behind `net`."""

FABRIC = "lab"
MODEL = "model:lab/weights"
MODEL_BYTES = 1 << 30
ORDERS_PORT, TELEMETRY_PORT, STORE_PORT, SINK_PORT, SSH_PORT = 8443, 8444, 2049, 443, 22


class Account(msgspec.Struct, frozen=True):
    """An account of the lab: it is known inside the lab's machines only. `tenant` is its Slurm account, "" for none."""

    name: str
    uid: int
    tenant: str = ""


ALICE, BOB, OPERATOR = Account("rf-alice", 61_001, "a"), Account("rf-bob", 61_002, "b"), Account("rf-ops", 61_000)
ACCOUNTS = (OPERATOR, ALICE, BOB)
"""The operator logs in everywhere with the workstation's key; the others submit jobs."""


class Machine(msgspec.Struct, frozen=True):
    """One namespace. `role` is net, ctl, ibm, store, login, gpu, ws or out."""

    name: str
    role: str
    address: str
    port_guid: int = 0

    @property
    def entity(self) -> str:
        """Its id in the estate."""
        return {"ws": f"workstation:{self.name}"}.get(self.role, f"host:{self.name}")

    @property
    def namespace(self) -> str:
        """Its name for `ip netns`."""
        return PREFIX + self.name

    @property
    def is_ours(self) -> bool:
        """Whether an agent and an enforcer run on it."""
        return self.role in ("ctl", "ibm", "store", "login", "gpu")


class Layout(msgspec.Struct, frozen=True):
    """The lab in `folder`, with `gpus` GPU nodes: 4 to 12."""

    folder: Path
    gpus: int = 8

    @property
    def machines(self) -> tuple[Machine, ...]:
        """All of them, the router first."""
        nodes = [Machine(f"gpu{at:02d}", "gpu", f"10.77.1.{at}", guid(at)) for at in range(1, self.gpus + 1)]
        return (
            Machine("net", "net", "10.77.0.1"),
            Machine("ctl", "ctl", "10.77.0.2"),
            Machine("ibm", "ibm", "10.77.0.3", guid(0)),
            Machine("store", "store", "10.77.0.4"),
            Machine("login", "login", "10.77.0.5"),
            *nodes,
            Machine("ws", "ws", "10.77.2.1"),
            Machine("out", "out", OUTSIDE),
        )

    def machine(self, name: str) -> Machine:
        """The one of this name. Raises `KeyError`."""
        return {one.name: one for one in self.machines}[name]

    @property
    def nodes(self) -> tuple[Machine, ...]:
        """The GPU nodes."""
        return tuple(one for one in self.machines if one.role == "gpu")

    def home(self, machine: Machine) -> Path:
        """What belongs to this machine alone: keys, configuration, logs, `*.pid`."""
        return self.folder / machine.name

    @property
    def shared(self) -> Path:
        """What every machine reads: accounts and their homes, Slurm's files and munge's socket."""
        return self.folder / "shared"

    @property
    def server(self) -> Path:
        """The server's folder (`ringfence enrol init`)."""
        return self.folder / "ctl" / "server"

    @property
    def state(self) -> Path:
        """The fence's and the guard's folder."""
        return self.folder / "ctl" / "state"

    @property
    def estate(self) -> Path:
        """The lab's estate file."""
        return self.folder / "lab.estate"

    @property
    def slurm_conf(self) -> Path:
        """Slurm's configuration; its other files lie beside it."""
        return self.shared / "slurm" / "etc" / "slurm.conf"

    def hooks(self, machine: Machine) -> Path:
        """The socket of the enforcer on a machine, for Slurm's hooks and people."""
        return self.folder / f"{machine.name}.sock"

    @property
    def client_key(self) -> Path:
        """The operator's private key, in the account's home on the workstation."""
        return self.folder / "ws" / "home" / OPERATOR.name / ".ssh" / "id_ed25519"

    @property
    def model(self) -> Path:
        """The weights, on the storage host."""
        return self.folder / "store" / "data" / "weights.bin"


def guid(at: int) -> int:
    """The port GUID of a host on the simulated fabric."""
    return 0x10_0000_0001 + (at << 8)
