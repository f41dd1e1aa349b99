"""`python -m bench.quality.peek --minutes 30 --nodes 64`: what benign telemetry holds, by class, with one of each."""

import argparse
import sys
from collections import Counter

from bench.quality.run import stream
from ringfence.wire.ocsf.classes import CLASSES


def main(arguments: list[str] | None = None) -> int:
    """Print how many events of each class and activity there are, and the last of each."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality.peek", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--nodes", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    seen: Counter[tuple[int, int]] = Counter()
    last: dict[tuple[int, int], dict[str, object]] = {}
    for batch in stream("benign", options.nodes, options.minutes / 60, options.seed):
        pairs = list(zip(batch.classes.tolist(), batch.numbers("activity_id").tolist(), strict=True))
        seen.update(pairs)
        for pair, row in {pair: row for row, pair in enumerate(pairs)}.items():
            whole = batch.record.slice(row, 1).to_pylist()[0]
            last[pair] = {name: value for name, value in whole.items() if value is not None}
    for (uid, activity), count in sorted(seen.items()):
        named = CLASSES[uid]
        print(f"{count:>9}  {named.name}: {named.activities.get(activity, activity)}\n           {last[uid, activity]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
