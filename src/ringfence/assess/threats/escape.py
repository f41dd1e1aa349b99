"""A container or job escapes to its host."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import When, asked_of
from ringfence.assess.threat import Control, Stride, Threat, Way

THREAT = Threat(
    id="RF.T23",
    name="escape",
    each=(
        When((Atom("has_gpu", "it", "gpu"),)),
        When((Atom("runs_on", "container", "it"),), kinds={"container": ("container",)}),
    ),
    ways=(
        Way(
            "its container toolkit has a known flaw",
            opens=(
                When(
                    (Atom("vulnerable_to", "it", "flaw", {"gives": "container-escape"}),),
                    "a known flaw leads out of containers",
                ),
            ),
            shut=(
                Control(
                    "its toolkit's version is known, and has no known flaw",
                    (
                        asked_of("runtime"),
                        When(
                            (Atom("runs_software", "it", Like("package:.*nvidia-container-toolkit.*")),),
                            "its toolkit's version is known",
                        ),
                    ),
                    d3fend=("D3-SU",),
                ),
            ),
        ),
        Way(
            "its kernel or a driver in it has a known flaw",
            opens=(
                When((Atom("vulnerable_to", "it", "flaw", {"gives": "root"}),), "a known flaw leads to its superuser"),
            ),
            shut=(
                Control(
                    "its kernel and drivers were held against known flaws, and none was found",
                    (  # no collector judges kernels: their versions are a distribution's, who must say it
                        When(
                            (Atom("asked", "it", Is("kernel-flaws"), {"answered": True, "complete": True}),),
                            "somebody held its kernel and drivers against known flaws "
                            "(a scanner's word, told as `asked kernel-flaws` in facts of one's own)",
                        ),
                    ),
                    d3fend=("D3-SU",),
                ),
            ),
        ),
        Way(
            "a container on it is privileged, or holds its runtime's socket",
            opens=(
                When(
                    (Atom("runs_on", "container", "it"), Atom("runs_with", "container", Is("privileged"))),
                    "a container on it is privileged",
                ),
                When(
                    (
                        Atom("runs_on", "container", "it"),
                        Atom(
                            "mounts_host_path", "container", Like("/|/(var/)?run/docker.sock|/(var/)?run/containerd.*")
                        ),
                    ),
                    "a container on it mounts the runtime's socket, or all of it",
                ),
            ),
            shut=(
                Control("its runtime was read, and no container on it is privileged", (asked_of("runtime"),)),
                Control(
                    "its pods were all read, and none is privileged", (asked_of("kubernetes-nodes", complete=True),)
                ),
            ),
        ),
    ),
    why="Container and job are walls of the same kernel; beyond them lie every job's memory and keys of the host.",
    remedy=(
        "Toolkit at a fixed version, no privileged pods outside the platform's namespaces, no runtime socket "
        "in containers."
    ),
    phases=("pre-train", "evaluate", "export"),
    stride=(Stride.ELEVATION,),
    atlas=("AML.T0105",),
    attack=("T1611",),
)
