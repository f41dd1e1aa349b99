"""The journal: an append-only Merkle log in the C2SP formats, and what anyone can prove from its files."""

from ringfence.store.journal.audit import check
from ringfence.store.journal.checkpoint import Checkpoint, verify_checkpoint
from ringfence.store.journal.lines import Line
from ringfence.store.journal.log import Appended, Journal
from ringfence.store.journal.merkle import verify_consistency, verify_inclusion
from ringfence.store.journal.notes import Signer, Verifier
from ringfence.store.journal.tree import Tree, read

__all__ = [
    "Appended",
    "Checkpoint",
    "Journal",
    "Line",
    "Signer",
    "Tree",
    "Verifier",
    "check",
    "read",
    "verify_checkpoint",
    "verify_consistency",
    "verify_inclusion",
]
