"""Memory of an accelerator is read or flipped across tenants."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import When, asked_of
from ringfence.assess.conditions import GPU_READ, HAS_GPU
from ringfence.assess.threat import Control, Stride, Threat, Way

THREAT = Threat(
    id="RF.T10",
    name="memory_across_tenants",
    each=(When((Atom("has_gpu", "host", "it"),)),),
    ways=(
        Way(
            "bits in its memory can be flipped by hammering",
            opens=(
                When(
                    (Atom("setting", "it", Is("ecc=off")), Atom("setting", "it", Is("memory_type=gddr6"))),
                    "GDDR6 without error correction",
                ),
            ),
            shut=(
                Control(
                    "error correction is on",
                    (GPU_READ, When((Atom("setting", "it", Is("ecc=on")),), "error correction is on")),
                ),
            ),
        ),
        Way(
            "what a job leaves behind is read by the next",
            opens=(
                When(
                    (Atom("setting", "it", Is("process_isolation=off")),),
                    "local memory is not cleared between processes",
                ),
            ),
            shut=(
                Control(
                    "a process does not see what another left",
                    (GPU_READ, When((Atom("setting", "it", Is("process_isolation=on")),), "process isolation is on")),
                ),
                Control(
                    "its maker's accelerators are not among those that leak local memory",
                    (
                        GPU_READ,
                        When(
                            (
                                Atom(
                                    "setting",
                                    "it",
                                    Like("architecture=(Pascal|Volta|Turing|Ampere|Ada Lovelace|Hopper|Blackwell)"),
                                ),
                            ),
                            "its architecture is known",
                        ),
                    ),
                ),
            ),
        ),
        Way(
            "an attacker comes to write its memory",
            opens=(),
            reach=("it#write", "it#memory"),
            shut=(
                Control(
                    "nobody comes to its memory; its host's devices were read",
                    (asked_of("devices", "host", HAS_GPU), GPU_READ),
                ),
            ),
        ),
    ),
    why=(
        "One flipped bit in an exponent takes a model from useful to useless; leftover memory tells the last "
        "job's tokens."
    ),
    remedy="Turn ECC on where memory is GDDR6, reset accelerators between tenants, and share none between them.",
    phases=("pre-train", "evaluate"),
    stride=(Stride.TAMPERING, Stride.DISCLOSURE),
    atlas=("AML.T0031", "AML.T0057"),
    attack=("T1565",),
)
