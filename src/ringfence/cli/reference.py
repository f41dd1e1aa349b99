"""`python -m ringfence.cli.reference`: docs/cli.md, written from the commands themselves."""

import sys
from pathlib import Path

from ringfence.cli import app

INTRODUCTION = """<!-- Written by `make docs` from the commands. Do not edit. -->

# Commands

Exit status: 0 done, 1 could not be done (the message says why), 2 wrong usage, 3 done in part (something could not be
read; `ringfence show` lists the holes). `ringfence --install-completion` sets up completion for your shell.
Commands about one estate take `--estate FILE`, else `$RINGFENCE_ESTATE`, else `./cluster.estate`.

"""


def reference() -> str:
    """The whole page. The completion command is left to the introduction: it names how it was called."""
    called, sys.argv = sys.argv, ["ringfence"]  # usage lines name how the program was called
    try:
        page = app.generate_docs(recursive=True, heading_level=2)
    finally:
        sys.argv = called
    parts = page.strip().split("\n### ")
    return INTRODUCTION + "\n### ".join(part for part in parts if "install-completion" not in part[:40]) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), "utf-8")
