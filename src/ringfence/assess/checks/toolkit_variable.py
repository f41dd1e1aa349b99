"""A container gets accelerators by its request to the platform, not by a variable of its own."""

from ringfence.analyse.rule import Atom, Is, Like, Prefix
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of

TOOLKIT = Like("package:(deb/|rpm/|generic/)?nvidia-container-toolkit(-base)?")
OPEN = Atom("setting", "it", Is("toolkit.envvar_when_unprivileged=true"))

CHECK = Check(
    id="RF-G21",
    name="toolkit_variable",
    title="An unprivileged container cannot take accelerators by a variable",
    layer=Layer.ACCELERATOR,
    each=(
        When((Atom("runs_software", "it", TOOLKIT),), kinds={"it": ("host",)}),
        When((Atom("setting", "it", Prefix("toolkit.envvar_when_unprivileged=")),)),
    ),
    fails=(
        When(
            (OPEN, Atom("has_gpu", "it", "gpu")),
            "NVIDIA_VISIBLE_DEVICES=all in an image gives it every accelerator of the host",
            opens=("gpu#context",),
        ),
        When((OPEN,), "the toolkit obeys the variable of an unprivileged container", opens=()),
    ),
    rests=(
        asked_of("runtime"),
        When(
            (Atom("setting", "it", Is("toolkit.envvar_when_unprivileged=false")),),
            "the toolkit ignores the variable of an unprivileged container",
        ),
    ),
    why="Whoever writes the image sets its variables: a pod that asked for no accelerator computes on those of others.",
    remedy="accept-nvidia-visible-devices-envvar-when-unprivileged = false in the toolkit's config.toml, and the "
    "device plugin with volume mounts or CDI.",
    weight=6,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("AC-6",)),
    source="NVIDIA container toolkit, config.toml",
)
