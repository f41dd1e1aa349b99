"""The report: one estate as one HTML file. `data` computes, `page` wraps; the sources of the page are in `web/`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ringfence.app.questions import Questions
from ringfence.app.report.data import report_data
from ringfence.app.report.page import page
from ringfence.app.survey import Progress
from ringfence.errors import UsageError
from ringfence.store.saved import write_private

__all__ = ["page", "report_data", "write_report"]


def write_report(
    asked: Questions,
    path: Path,
    wanted: Sequence[str] = (),
    progress: Progress | None = None,
    audit: Mapping[str, Any] | None = None,
    threats: Mapping[str, Any] | None = None,
) -> None:
    """Write the page of one estate, readable by its owner only.

    `audit` (its JSON shape) and `threats` (`app.assess.threats.section`) become sections.
    """
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} is not a folder", "make it first, or name another")
    if progress:
        progress("drawing", 0, 0)
    write_private(path, page(report_data(asked, wanted) | {"audit": audit, "threats": threats}))
