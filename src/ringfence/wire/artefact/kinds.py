"""What a file in a data folder is, by its name: the format, and whether it is weights or data.

Names are a hint for grouping only; whether a file really is a pickle is told by its bytes
(`wire.artefact.pickle`). The endings are those that the named libraries write.
"""

import re

import msgspec

MODEL, DATASET, CHECKPOINT = "model", "dataset", "checkpoint"

_ENDINGS: dict[str, tuple[str, str]] = {
    ".safetensors": ("safetensors", MODEL),
    ".gguf": ("gguf", MODEL),
    ".onnx": ("onnx", MODEL),
    ".h5": ("hdf5", MODEL),
    ".keras": ("keras", MODEL),
    ".engine": ("tensorrt", MODEL),
    ".pt": ("pickle", MODEL),
    ".pth": ("pickle", MODEL),
    ".ckpt": ("pickle", CHECKPOINT),
    ".distcp": ("pickle", CHECKPOINT),
    ".pkl": ("pickle", DATASET),
    ".pickle": ("pickle", DATASET),
    ".joblib": ("pickle", MODEL),
    ".npy": ("npy", DATASET),
    ".npz": ("npz", DATASET),
    ".parquet": ("parquet", DATASET),
    ".arrow": ("arrow", DATASET),
    ".tfrecord": ("tfrecord", DATASET),
    ".mds": ("mds", DATASET),
    ".idx": ("indexed", DATASET),
    ".jsonl": ("jsonl", DATASET),
    ".jsonl.zst": ("jsonl", DATASET),
    ".jsonl.gz": ("jsonl", DATASET),
    ".tar": ("tar", DATASET),
}
_WEIGHTS_BIN = re.compile(r"(?:pytorch_model|adapter_model|diffusion_pytorch_model|model)[\w.-]{0,40}\.bin\Z")
_CHECKPOINT = re.compile(
    r"(?:checkpoint|ckpt|global_step|iter|step|epoch)[-_=]?\d{0,12}\Z|checkpoints?\Z|(?:checkpoint|ckpt)[-_].{0,60}\Z"
)
_SHARD = re.compile(
    r"(?:\d{1,12}|[\w.-]{1,60}=[^/]{1,100}|(?:shard|part|chunk|split|bucket|mp_rank|zero|rank|tp|pp)[-_]?\d{0,12}"
    r"|train|training|val|valid|validation|test|eval|data|shards|weights|dist)\Z"
)


class Guess(msgspec.Struct, frozen=True):
    """Format and kind of one file, by its name."""

    format: str
    kind: str


def of_name(name: str) -> Guess | None:
    """What the name says, or None where it says nothing.

    >>> of_name("model-00001-of-00030.safetensors")
    Guess(format='safetensors', kind='model')
    """
    lower = name.lower()
    if _WEIGHTS_BIN.match(lower):
        return Guess("pickle", MODEL)
    at = lower.rfind(".")
    ending = lower[lower.rfind(".", 0, at) :] if lower.endswith((".zst", ".gz")) and at > 0 else lower[at:]
    found = _ENDINGS.get(ending) if at >= 0 else None
    return Guess(*found) if found else None


def is_checkpoint(folder: str) -> bool:
    """Whether a folder's name is one that trainers give to saved states."""
    return _CHECKPOINT.match(folder.lower()) is not None


def is_shard(folder: str) -> bool:
    """Whether a folder's name says that it is a slice of the folder above, not a thing of its own."""
    return _SHARD.match(folder.lower()) is not None
