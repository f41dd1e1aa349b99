"""Process events of an HPC cluster for the bench of rules: ten habits with random ids, and a few that are real.

Seeded: the same events on every machine, as far as the real ones are there.
"""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from ringfence.errors import Problem
from ringfence.wire.logs import read
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event, Value

LINUX = "linux/process_creation/"
_START = 1_800_000_000_000_000

_PYTHON = "/opt/conda/envs/train/bin/python3.11"
_RUN = "python3.11 -m torch.distributed.run --nnodes {b} --rdzv_id {a} pretrain.py --config /project/llm/conf/{h}.yaml"
_SPAWN = "python3.11 -c from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd={b}, pipe_handle={a})"
_COPY = "rsync -a --partial /scratch/ckpt/run{a}/step_{b}/ /archive/ckpt/run{a}/step_{b}/"
_ASK = "nvidia-smi --query-gpu=utilization.gpu,memory.used --format=csv -i {b}"
_UNPACK = "tar -I zstd -xf /datasets/shards/shard-{a}.tar.zst -C /local/scratch/{h}"
_HABITS: Sequence[tuple[str, str, str]] = (
    ("/usr/sbin/slurmstepd", "slurmstepd: [{a}.batch] --gpus={b} --job-id {a}", "/usr/sbin/slurmd"),
    (_PYTHON, _RUN, "/usr/sbin/slurmstepd"),
    ("/usr/bin/rsync", _COPY, "/usr/bin/bash"),
    ("/usr/bin/nvidia-smi", _ASK, "/usr/bin/python3"),
    ("/usr/bin/bash", "/bin/bash /var/spool/slurmd/job{a}/slurm_script", "/usr/sbin/slurmstepd"),
    ("/usr/bin/find", "find /scratch/users/{h} -name *.tmp -mtime +{b} -delete", "/usr/sbin/crond"),
    ("/usr/bin/srun", "srun --jobid={a} --ntasks={b} --gpus-per-task=1 ./launch_{h}.sh", "/usr/bin/bash"),
    ("/usr/bin/tar", _UNPACK, "/usr/bin/python3"),
    ("/usr/bin/grep", "grep -c loss /project/llm/logs/run{a}_{h}.log", "/usr/bin/bash"),
    (_PYTHON, _SPAWN + " --multiprocessing-fork", _PYTHON),
)
COLUMNS: tuple[str, ...] = (
    "process.file.path",
    "process.cmd_line",
    "actor.process.file.path",
    "actor.process.cmd_line",
)
COLUMNS += ("process.user.name", "process.working_directory", "process.original_file_name", "process.integrity")
_USERS = ("alice", "bob", "carol", "svc-train", "root")


def events(count: int, seed: int, real: Sequence[Event] = (), share: float = 0.001) -> Iterator[Event]:
    """So many process events; `share` of them are taken from `real`."""
    dice = random.Random(seed)
    for number in range(1, count + 1):
        host = f"gpu{dice.randrange(2000):04d}"
        moment = _START + number * 50
        if real and dice.random() < share:
            fields = {name: value for name, value in dice.choice(real).fields.items() if name in COLUMNS}
        else:
            image, line, parent = _HABITS[dice.randrange(len(_HABITS))]
            fields = _fields(image, line, parent, dice)
        yield Event(classes.PROCESS, 1, moment, host, LINUX, fields, f"host:{host}/exec", number)


def _fields(image: str, line: str, parent: str, dice: random.Random) -> dict[str, Value]:
    said = line.format(a=dice.randrange(10**6, 10**7), b=dice.randrange(8, 512), h=f"{dice.randrange(1 << 32):08x}")
    return {
        "process.file.path": image,
        "process.cmd_line": said,
        "actor.process.file.path": parent,
        "process.user.name": dice.choice(_USERS),
        "process.working_directory": f"/home/{dice.choice(_USERS)}/run{dice.randrange(1000)}",
    }


def real_events(folder: Path, ending: str) -> list[Event]:
    """The events of all files of a folder that end so, in the order of their names."""
    found = [one for path in sorted(folder.rglob(f"*{ending}")) for one in read(path.name, path.read_bytes())]
    return [one for one in found if not isinstance(one, Problem)]
