"""No key opens a shell of the superuser."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Refs, When, all_of, asked_of

_ROOT_KEY = Atom("accepts_key", "it", "key", {"account": "root", "forced": False})

CHECK = Check(
    id="RF-H03",
    name="root_keys",
    title="No key opens a shell of the superuser",
    layer=Layer.HOST,
    each=(all_of("host"),),
    fails=(
        When((_ROOT_KEY,), "a key opens root's shell", opens=()),
        When((_ROOT_KEY, Atom("setting", "it", Is("ssh_root=key"))), "and sshd takes it"),
        When(
            (_ROOT_KEY, Atom("stores_credential", "place", "key", {"readable_by": "user"})),
            "ordinary accounts elsewhere can read it",
        ),
    ),
    rests=(asked_of("ssh-keys", complete=True),),
    why="Whoever copies that key is the superuser here for good, beside every limit of sudo and of the scheduler.",
    remedy='Remove it from /root/.ssh/authorized_keys, or bind it: restrict,from="…",command="…".',
    opens=("root",),
    weight=6,
    threats=("RF.T18", "RF.T19"),
    refs=Refs(nist=("IA-5", "AC-6"), d3fend=("D3-CR",)),
    source="sshd(8), AUTHORIZED_KEYS FILE FORMAT",
)
