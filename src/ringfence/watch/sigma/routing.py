"""Which rules are meant for which log source.

        event windows/process_creation/sysmon      rule windows/process_creation/    agrees
        event linux//auditd                        rule linux/process_creation/      does not: the category is not told

Every part that a rule names must be the event's. Whoever cannot tell an event's category would otherwise have each
rule of every category tried on fields that mean something else there. For a file whose origin is not known the other
choice is right (`lenient`): what is not told agrees.
"""

from collections.abc import Sequence

import numpy as np

from ringfence.watch.batch import Batch
from ringfence.watch.sigma.tree import Rule
from ringfence.watch.sigma.witness import mask

_KEPT = 4096
_WIDER = {"registry_event": frozenset(("registry_add", "registry_delete", "registry_set", "registry_rename"))}
"""Categories that stand for several others in Sigma's taxonomy."""
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)


class Routing:
    """The rules of each log source, as bits."""

    def __init__(self, rules: Sequence[Rule], routed: bool, lenient: bool, words: int) -> None:
        self._parts = [(rule.product.lower(), rule.category.lower(), rule.service.lower()) for rule in rules]
        self._routed, self._lenient, self._words = routed, lenient, words
        self._known: dict[str, np.ndarray] = {}

    def of(self, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        """Each row's code, and for each code the bits of the rules."""
        if not self._routed:
            return np.zeros(len(batch), np.int32), np.full((1, self._words), _ALL)
        coded = batch.codes("logsource")
        allowed = [self._mask(source) for source in coded.values]
        codes = np.where(coded.codes < 0, len(allowed), coded.codes).astype(np.int32)
        return codes, np.array([*allowed, self._mask("")], np.uint64)

    def _mask(self, source: str) -> np.ndarray:
        found = self._known.get(source)
        if found is None:
            found = mask((at for at, parts in enumerate(self._parts) if self._agrees(parts, source)), self._words)
            if len(self._known) < _KEPT:
                self._known[source] = found
        return found

    def _agrees(self, rule: tuple[str, str, str], source: str) -> bool:
        told = (*source.lower().split("/", 2), "", "")[:3]
        return all(
            not own or own == other or (self._lenient and not other) or other in _WIDER.get(own, ())
            for own, other in zip(rule, told, strict=True)
        )
