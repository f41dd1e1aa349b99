"""Sigma rules on batches of events.

        YAML ──load──▶ Ruleset ──Matcher──▶ witness automata, bytecode
                                              │
        Batch ──scan columns──▶ candidates ──confirm──▶ Hits (row, rule)

Each rule is guarded by literals of which one must stand in the event if the rule holds. All of them are looked for at
once in the column buffers; only where one is found is the rule's whole condition evaluated.
"""

from ringfence.watch.sigma.match import Hits, Matcher
from ringfence.watch.sigma.ruleset import Ruleset, load
from ringfence.watch.sigma.tree import Correlation, Rule

__all__ = ["Correlation", "Hits", "Matcher", "Rule", "Ruleset", "load"]
