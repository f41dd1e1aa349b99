"""Runs in an environment of its own: sigma-rule-matcher on events as JSON lines. Prints one JSON object.

python sigma_peer.py RULES.json EVENTS.ndjson SECONDS      RULES is a JSON array of YAML texts
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from time import perf_counter


def main() -> None:
    """Evaluate every rule that the peer takes on as many events as fit the time."""
    from sigma.rule import SigmaRule

    matcher_of = import_module("sigma_rule_matcher").RuleMatcher
    matchers = []
    refused = 0
    for text in json.loads(Path(sys.argv[1]).read_text()):
        try:
            matchers.append(matcher_of(SigmaRule.from_yaml(text)))
        except Exception:
            refused += 1
    lines = Path(sys.argv[2]).read_text().splitlines()
    begin = perf_counter()
    hits = faults = done = 0
    for line in lines:
        event = json.loads(line)
        for matcher in matchers:
            try:
                hits += matcher.match(event)
            except Exception:
                faults += 1
        done += 1
        if perf_counter() - begin > float(sys.argv[3]):
            break
    rate = done / (perf_counter() - begin)
    said = {"events_per_second": round(rate, 1), "events": done, "rules": len(matchers), "rules_refused": refused}
    print(json.dumps(said | {"hits": hits, "evaluations_that_raised": faults}))


if __name__ == "__main__":
    main()
