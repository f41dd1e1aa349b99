"""NVML's answer as a live survey keeps it: the values of `nvidia-smi -q -x`, as JSON."""

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.smi.nvidia import MOST_DEVICES, Log


class Answer(msgspec.Struct, frozen=True):
    """The file's one key says what it is."""

    nvml_log: Log


def read(data: bytes) -> Log:
    """Raises `InputError` where it is not such a file, or a GPU has no UUID."""
    answer: Answer = safe.json(data, Answer)
    if len(answer.nvml_log.gpus) > MOST_DEVICES or not all(gpu.uuid.startswith("GPU-") for gpu in answer.nvml_log.gpus):
        raise InputError("a GPU without a UUID, or too many", remedy="ask the node again")
    return answer.nvml_log
