"""What many checks ask for alike: kinds of data, and coverage of data, containers and services."""

from ringfence.analyse.rule import Atom, Is, Like, Prefix
from ringfence.assess.check import IT, When, asked_of

WEIGHTS: dict[str, tuple[str, ...]] = {IT: ("model", "checkpoint")}
DATASET: dict[str, tuple[str, ...]] = {IT: ("dataset",)}
DATA: dict[str, tuple[str, ...]] = {IT: ("model", "checkpoint", "dataset")}

PLAIN = Like(r"safetensors|gguf|onnx|parquet|arrow|npy|tfrecord|mds|indexed|jsonl")
"""Formats that hold data and no program (`npz`, `keras`, `hdf5` and engines may hold one)."""

GROUP = Prefix("identity:group/")

FOLDERS = asked_of("folders", complete=True)
"""A listing of the folder of this model, checkpoint or dataset, with modes and owners."""

EXPORTS = asked_of("exports", complete=True)
"""The export table of this storage, every client in it resolved."""

LINEAGE = asked_of("lineage", complete=True)
"""What a lineage system says of how this was made."""

POD = asked_of("kubernetes-pods", "pod", (Atom("part_of", IT, "pod"),), complete=True)
"""The specification of the pod that this container is part of."""

SOCKETS = asked_of("sockets", "host", (Atom("runs_on", IT, "host"),))
"""Which programs listen on the host of this service."""

ROLE = asked_of("kubernetes-rbac")
"""The rules of this role."""

NAMESPACE = asked_of("kubernetes-namespaces", complete=True)
"""The object of this namespace, its labels among it."""

SLURM = (
    When((Atom("in_cluster", "queue", IT), Atom("in_partition", "node", "queue"))),
    When((Atom("scheduler_key", "key", IT),)),
    When((Atom("runs_software", IT, Is("package:pkg:generic/slurm")),), kinds={IT: ("cluster",)}),
    When((Atom("asked", IT, Like("slurm-conf|cgroup-conf")),), kinds={IT: ("cluster",)}),
)
"""What makes a cluster one of Slurm: nodes take work from its partitions, it has a key, it is known to run Slurm."""

INFINIBAND = (
    When((Atom("on_fabric", "port", IT, {"link_layer": "InfiniBand"}),)),
    When((Atom("sm_on", IT, "place"),)),
    When((Atom("part_of", "pkey", IT, {"kind": "pkey"}),)),
    When((Atom("asked", IT, Like("fabric|pkeys|opensm-conf")),), kinds={IT: ("network",)}),
)
"""What makes a network an InfiniBand fabric: ports are on it, a subnet manager or partitions are its own."""

OF_KUBERNETES = "role:(?!(?:aws|gcp|azure)/).*"
"""Roles of a platform; those of a cloud account are called after the cloud."""
