"""No agent's socket outlives the session on a node that runs jobs."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of

_PART = Atom("in_partition", "it", "partition")

CHECK = Check(
    id="RF-W08",
    name="agent_sockets",
    title="No agent's socket outlives the session on a node that runs jobs",
    layer=Layer.IDENTITY,
    each=(When((_PART,)),),
    fails=(
        When((_PART, Atom("agent_forwarded", "who", "it")), "somebody's agent answers on it", opens=("who#use",)),
        When(
            (_PART, Atom("agent_forwarded", "who", "it"), Atom("setting", "it", Is("pam_slurm_adopt=off"))),
            "and no job's end takes it away",
            opens=(),
        ),
    ),
    rests=(asked_of("runtime-sockets", complete=True),),
    why="The socket in /tmp stays open after the job that used it; the node's next superuser signs in as that person.",
    remedy="AllowAgentForwarding no on compute nodes, a private /tmp per job, and an epilog that ends what is left.",
    weight=5,
    mismatch=Mismatch.STATE,
    window=("a person's agent is carried into a job's session", "the socket is removed, not when the job ends"),
    threats=("RF.T18", "RF.T19"),
    refs=Refs(nist=("AC-12", "IA-5")),
    source="ssh-agent(1)",
)
