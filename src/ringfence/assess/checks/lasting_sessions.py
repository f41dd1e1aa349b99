"""A session on a compute node ends with the job that let it in."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of

_PART = Atom("in_partition", "it", "partition")
_CLUSTER = Atom("in_cluster", "partition", "cluster")

CHECK = Check(
    id="RF-W09",
    name="lasting_sessions",
    title="A session on a compute node ends with the job that let it in",
    layer=Layer.SCHEDULER,
    each=(When((_PART,)),),
    fails=(
        When(
            (_PART, Atom("session_on", "who", "it"), Atom("setting", "it", Is("pam_slurm_adopt=off"))),
            "somebody is there whom no job's end sends away",
            opens=("who#use",),
        ),
        When(
            (_PART, _CLUSTER, Atom("setting", "cluster", Like("PrologFlags=(?!.*(?:[Cc]ontain|[Xx]11)).*"))),
            "jobs have no container that a session could be put into",
            opens=(),
        ),
    ),
    rests=(
        asked_of("pam"),
        When((Atom("setting", "it", Is("pam_slurm_adopt=on")),), "sessions are put into their job"),
        When(
            (_PART, _CLUSTER, Atom("setting", "cluster", Like("PrologFlags=.*(?:[Cc]ontain|[Xx]11).*"))),
            "jobs have a container for them",
            every=1,
        ),
    ),
    why="A shell left behind watches the next tenant's processes, files and accelerators from inside the node.",
    remedy="PrologFlags=Contain in slurm.conf with pam_slurm_adopt: what a job let in ends when the job does.",
    weight=5,
    mismatch=Mismatch.STATE,
    window=("the account's job starts", "somebody ends the session by hand"),
    threats=("RF.T09", "RF.T14"),
    refs=Refs(nist=("AC-12", "SC-4")),
    source="Slurm's pam_slurm_adopt page",
)
