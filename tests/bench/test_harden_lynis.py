"""The table of hardening beside Lynis is what the bench prints, in all that does not depend on the machine's state."""

from pathlib import Path

import pytest

from bench import harden_lynis
from ringfence.assess.harden.measures import MEASURES

PAGE = Path(__file__).resolve().parents[2] / "docs/design/assess-harden.md"
VERSION = "3.0.8"


def installed() -> str:
    """The version of Lynis here; "" for none."""
    program = Path("/usr/sbin/lynis")
    lines = program.read_text("utf-8", "replace").splitlines() if program.exists() else []
    return next(
        (line.partition('"')[2].rstrip('"') for line in lines if line.strip().startswith("PROGRAM_VERSION=")), ""
    )


def test_the_table_of_the_page_is_that_of_the_bench():
    """Which measure, what Ringfence says of a tree that lacks it, and what Lynis's own tests name."""
    if installed() != VERSION:
        pytest.skip(f"missing-part: lynis {VERSION} (Debian package lynis)")
    sources = harden_lynis.read(harden_lynis.KNOWN)
    made = []
    for measure in MEASURES:
        one = harden_lynis.row(measure, sources, "")
        found = one["lynis_looks_at"]
        looks = f"{len(found)} of {one['things']}" + "".join(f" `{word}`" for word in found)
        made.append([f"{one['id']} {one['measure']}", one["ringfence"], looks])
    page = PAGE.read_text("utf-8").partition("## Beside Lynis")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:4]] for line in page.splitlines() if line.startswith("| RF-X")]
    assert rows == made
