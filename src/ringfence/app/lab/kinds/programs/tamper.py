"""What somebody does who poisons training data: rewrites the heads of a dataset's files, in place.

    python3 tamper.py FOLDER LOG SECONDS

After `SECONDS`, or when it is ended, it writes back what was there.
"""

import glob
import json
import signal
import sys
import time
from typing import IO

FIRST = 4096
"""Bytes of each file that are rewritten."""
MOST = 16
LONGEST = 60.0


def main() -> None:
    """Rewrite, wait, write back."""
    folder, log, seconds = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with open(log, "a", buffering=1) as file:
        say(file, "began")
        before: dict[str, bytes] = {}
        try:
            for name in sorted(glob.glob(f"{folder}/*.tar"))[:MOST]:
                with open(name, "r+b") as shard:
                    before[name] = shard.read(FIRST)
                    shard.seek(0)
                    shard.write(bytes(one ^ 0xFF for one in before[name]))
            say(file, "rewritten", files=len(before))
            time.sleep(min(float(seconds), LONGEST))
        finally:
            for name, data in before.items():
                with open(name, "r+b") as shard:
                    shard.write(data)
            say(file, "ended", sent=0, why="written back")


def say(file: IO[str], what: str, **more: object) -> None:
    """A line of the log."""
    file.write(json.dumps({"at": time.time(), "what": what, **more}) + "\n")


if __name__ == "__main__":
    main()
