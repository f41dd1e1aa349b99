"""Conditions that several threats share. `it` is a thing that is stored, a host, an accelerator."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import When, asked_of

STORED = (Atom("stored_on", "it", "storage"), Atom("exported_by", "storage", "server"))
"""From data to the server of its file system."""

FOLDERS_READ = asked_of("folders", "server", STORED)
EXPORTS_READ = asked_of("exports", "storage", STORED[:1], complete=True)

OWNER_WRITES = When(
    (Atom("stored_on", "it", "storage", {"mode": Like("[0-7]?[0-7][0145][0145]")}),), "only its owner may change it"
)
OWNER_READS = When((Atom("stored_on", "it", "storage", {"mode": Like("[0-7]?[0-7]00")}),), "only its owner may read it")

HAS_GPU = (Atom("has_gpu", "host", "it"),)
GPU_READ = asked_of("gpu", "host", HAS_GPU)

WITHOUT_PROOF = Is("none")
PROVEN = Like("password|key|token|mtls")
"""How callers prove who they are, where they do."""


def data(*kinds: str) -> tuple[When, ...]:
    """Every dataset, model or checkpoint of these kinds that is stored, read, written or made from something."""
    atoms = (
        Atom("stored_on", "it", "storage"),
        Atom("reads", "work", "it"),
        Atom("writes", "work", "it"),
        Atom("trained_from", "made", "it"),
    )
    return tuple(When((atom,), kinds={"it": kinds}) for atom in atoms)
