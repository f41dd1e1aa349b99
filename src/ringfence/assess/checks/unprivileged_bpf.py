"""Ordinary accounts load no programs into the kernel."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Refs, When, all_of, asked_of

CHECK = Check(
    id="RF-H14",
    name="unprivileged_bpf",
    title="Ordinary accounts load no programs into the kernel",
    layer=Layer.HOST,
    each=(all_of("host"),),
    fails=(When((Atom("setting", "it", Is("kernel.unprivileged_bpf_disabled=0")),), "every account may use bpf()"),),
    rests=(
        asked_of("kernel"),
        When((Atom("setting", "it", Like("kernel.unprivileged_bpf_disabled=[12]")),), "bpf() needs a privilege"),
    ),
    why="The kernel's verifier has been the way from a user's job to the superuser more than once.",
    remedy="Set kernel.unprivileged_bpf_disabled=1 in /etc/sysctl.d.",
    weight=3,
    threats=("RF.T23",),
    refs=Refs(nist=("CM-7", "SC-39")),
    source="the kernel's admin guide, sysctl/kernel",
)
