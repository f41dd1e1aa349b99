"""A job that may be started again carries no key that opens more than itself."""

from ringfence.analyse.rule import Atom
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of
from ringfence.estate.facts import Fact

_AS = Atom("runs_as", "it", "who")
_ON = Atom("runs_on", "it", "node")

CHECK = Check(
    id="RF-W03",
    name="resumable_credentials",
    title="A job that may be started again carries no key that opens more than itself",
    layer=Layer.WORKFLOW,
    each=(When((_AS, Atom("in_cluster", "it", "cluster")), kinds={"it": ("job",)}),),
    fails=(
        When(
            (_AS, Atom("keeps_credential", "who", "key")),
            "a private key lies in the home that it runs in",
            kinds={"it": ("job",)},
            opens=("key#use",),
        ),
        When(
            (_AS, Atom("keeps_credential", "who", "key"), Atom("unlocks", "key", "other")),
            "which opens an account",
            kinds={"it": ("job",)},
            opens=("other#use",),
        ),
        When(
            (Atom("stores_credential", "it", "key"),), "it keeps a secret", kinds={"it": ("job",)}, opens=("key#use",)
        ),
    ),
    rests=(asked_of("ssh-keys", "node", (_ON,), complete=True),),
    why="A run of weeks is requeued many times: what its code could take on day one still opens accounts on day forty.",
    remedy="No keys without passphrase in homes that jobs see; hand a job a token of its own, renewed at each start.",
    weight=5,
    mismatch=Mismatch.STATE,
    window=("the job is submitted", "its last requeue ends and the key is changed"),
    threats=("RF.T18", "RF.T08"),
    refs=Refs(nist=("IA-5", "AC-12"), attack=("T1552.004",)),
    source="Slurm's slurm.conf manual, JobRequeue",
    by_hand=(Fact("job:slurm/CLUSTER/ID", "stores_credential", "credential:vault/NAME"),),
)
