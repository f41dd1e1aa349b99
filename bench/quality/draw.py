"""Draws the attacks of one seed: `python -m bench.quality.draw SEED > bench/quality/NAME.json`.

Each kind once stealthy and once loud, at a time when half a day of benign work has been seen.
"""

import json
import random
import sys
from typing import Any

from bench.quality.kinds import HOURS, KINDS

FIRST, LAST = 12 * HOURS, 62 * HOURS
"""When an attack may begin, in seconds of the replay: long ones still end within three days and a half."""


def attacks(seed: int) -> list[dict[str, Any]]:
    """The attacks of a seed, by when they begin. `place` is a number from which the victim is chosen."""
    draw = random.Random(seed)  # seeded: a replay must be the same again
    found = []
    for kind, levels in KINDS.items():
        for loudness, ranges in levels.items():
            parameters = {name: round(draw.uniform(low, high), 3) for name, (low, high) in ranges.items()}
            hours = parameters.get("hours", 0.0)
            start = round(draw.uniform(FIRST, min(LAST, max(FIRST, 71 * HOURS - hours * HOURS))), 1)
            found.append(
                {
                    "id": f"{kind}-{loudness}-{seed}",
                    "kind": kind,
                    "loudness": loudness,
                    "start": start,
                    "place": draw.randrange(1 << 31),
                    "parameters": parameters,
                }
            )
    return sorted(found, key=lambda one: (one["start"], one["id"]))


if __name__ == "__main__":
    drawn = attacks(int(sys.argv[1]))
    print("[\n" + ",\n".join(json.dumps(one, sort_keys=True) for one in drawn) + "\n]")
