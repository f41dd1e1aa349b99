"""Nobody but the superuser talks to the container runtime."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Refs, When, all_of, asked_of

CHECK = Check(
    id="RF-H07",
    name="runtime_group",
    title="Nobody but the superuser talks to the container runtime",
    layer=Layer.HOST,
    each=(all_of("host"),),
    fails=(
        When((Atom("may_use_runtime", "who", "it"),), "an account or group may open the runtime's socket"),
        When((Atom("may_use_runtime", Is("identity:*"), "it"),), "every account may"),
    ),
    rests=(asked_of("runtime-sockets", complete=True),),
    why="The socket starts a container with the host's disk in it: whoever may open it is the superuser.",
    remedy="Empty the docker group, mode 0600 on the socket; rootless podman, Apptainer or the scheduler for users.",
    opens=("root",),
    weight=7,
    threats=("RF.T23",),
    refs=Refs(nist=("AC-6",), attack=("T1611",), d3fend=("D3-UGPH",)),
    source="Docker's page on the daemon's attack surface",
)
