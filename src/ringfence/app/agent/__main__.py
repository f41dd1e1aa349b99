"""`python -m ringfence.app.agent --home DIR`: the agent as a service runs it, without the command line's packages."""

import argparse
import sys
from pathlib import Path

from ringfence.app.agent.start import start
from ringfence.errors import RingfenceError


def main() -> int:
    """Run the agent of an enrolled node until it is ended."""
    parser = argparse.ArgumentParser(prog="ringfence.app.agent", description="docs/agent.md tells the rest")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--settings", type=Path)
    parser.add_argument("--facts", type=Path)
    parser.add_argument("--server", default="")
    parser.add_argument("--relay", default="")
    asked = parser.parse_args()
    try:
        start(asked.home, asked.settings, asked.facts, asked.server, asked.relay)
    except RingfenceError as error:
        sys.stderr.write(f"ringfence: {error.what}\n  {error.remedy}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
