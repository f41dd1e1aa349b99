"""What every test needs: importable helpers, and skips that count as failures where nothing may be missing."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

REASONS = ("shared-data:", "missing-part:")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A skip states one of two reasons; where RINGFENCE_NO_SKIPS is set it is a failure."""
    outcome = yield
    report = outcome.get_result()
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    stated = any(mark in reason for mark in REASONS)
    if not stated or os.environ.get("RINGFENCE_NO_SKIPS"):
        report.outcome = "failed"
        report.longrepr = f"skipped without leave: {reason}"
