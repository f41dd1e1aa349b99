"""Every read-only question of every family: what `--live` asks here and the capture script asks elsewhere."""

from ringfence.collect import fabric_hosts, gpu, hosts_questions, infiniband, kubernetes, slurm_questions, storage
from ringfence.collect.probe import Question

QUESTIONS: tuple[Question, ...] = tuple(
    dict.fromkeys(
        (
            *hosts_questions.QUESTIONS,
            *gpu.QUESTIONS,
            *fabric_hosts.QUESTIONS,
            *storage.QUESTIONS,
            *slurm_questions.QUESTIONS,
            *infiniband.QUESTIONS,
            *kubernetes.QUESTIONS,
        )
    )
)
