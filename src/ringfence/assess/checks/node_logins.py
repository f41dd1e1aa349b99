"""A compute node lets in only accounts that have a job there."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Refs, When, asked_of

CHECK = Check(
    id="RF-S07",
    name="node_logins",
    title="A compute node lets in only accounts that have a job there",
    layer=Layer.SCHEDULER,
    each=(When((Atom("in_partition", "it", "partition"),)),),
    fails=(When((Atom("setting", "it", Is("pam_slurm_adopt=off")),), "sshd asks the scheduler for no job"),),
    rests=(asked_of("pam"), When((Atom("setting", "it", Is("pam_slurm_adopt=on")),), "pam_slurm_adopt is on")),
    why="An account without a job there logs in beside the tenant who holds the node, outside every limit of a job.",
    remedy="Add `account required pam_slurm_adopt.so` to /etc/pam.d/sshd, with PrologFlags=Contain in slurm.conf.",
    opens=("user",),
    weight=7,
    threats=("RF.T14", "RF.T19"),
    refs=Refs(nist=("AC-3", "AC-17"), d3fend=("D3-NAM",)),
    source="Slurm's pam_slurm_adopt page",
)
