"""What the scheduler runs as root lies where others write."""

from ringfence.analyse.rule import At, Atom, Is, Match, Minutes, Move, Rule
from ringfence.estate.kinds import EVERYONE

_HOOKS: dict[str, Match] = {
    "hook": (
        *("Prolog", "Epilog", "HealthCheckProgram", "RebootProgram", "PrologSlurmctld", "EpilogSlurmctld"),
        *("ResumeProgram", "SuspendProgram", "ResumeFailProgram", "UnkillableStepProgram", "MailProg"),
        *("SlurmctldPrimaryOnProg", "SlurmctldPrimaryOffProg", "StateSaveLocation"),
    )
}
"""Settings of slurm.conf; hosts have hooks of other kinds."""

MOVE = Move(
    id="RF-M053",
    name="hook_on_writable_path",
    title="What the scheduler runs as root lies where others write",
    gives="root on every node that next starts or ends a job, or the controller's account: with either, the scheduler's key",
    rules=(
        Rule(
            start=(At("storage", "write"),),
            to=At("cluster", "admin"),
            facts=(Atom("root_runs_from", "cluster", "storage", _HOOKS),),
            kinds={"cluster": ("cluster",)},
        ),
        Rule(
            start=(At("storage", "mount"),),
            to=At("cluster", "admin"),
            facts=(
                Atom("root_runs_from", "cluster", "storage", _HOOKS),
                Atom("writable_by", "storage", Is(EVERYONE)),
            ),
            kinds={"cluster": ("cluster",)},
        ),
        Rule(
            start=(
                At("account", "use"),
                At("storage", "mount"),
            ),
            to=At("cluster", "admin"),
            facts=(
                Atom("root_runs_from", "cluster", "storage", _HOOKS),
                Atom("writable_by", "storage", "account"),
            ),
            kinds={"cluster": ("cluster",)},
        ),
    ),
    minutes=Minutes(
        1, 60, "estimate: one line added to a script; then the wait for the next job, or for the health check"
    ),
    why="Prolog, Epilog and HealthCheckProgram run as root on every node, those of slurmctld as SlurmUser; its state files name each job's owner and are believed. On a shared file system their owner is whoever may write there.",
    end="Hooks and StateSaveLocation on each host's own disk, owned by root; or on an export that is read-only to all nodes.",
    attack=("T1574", "T1053"),
)
