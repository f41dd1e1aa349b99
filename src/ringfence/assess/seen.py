"""What many checks ask for alike: kinds of data, and coverage of data, containers and services."""

from ringfence.analyse.rule import Atom, Like, Prefix
from ringfence.assess.check import IT, asked_of

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
