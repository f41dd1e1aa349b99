"""Working targets out in processes of their own changes nothing but the time it takes."""

import subprocess
import sys

COMPARED = """
from ringfence.app.fence.design import Design
from ringfence.app.fence.side_by_side import work_out
from ringfence.estate.estate import estate_of
from ringfence.synth import draw, facts

estate = estate_of(facts(draw(24, 1)))
alone, together = Design(estate, now=0.0), work_out(Design(estate, now=0.0), large=0)
assert {"compiled", "proofs"} <= together.__dict__.keys(), "it was not forked"
assert together.compiled == alone.compiled
assert together.proofs == alone.proofs
"""


def test_what_processes_work_out_is_what_one_would() -> None:
    """In a program without threads, as only such a one is forked."""
    done = subprocess.run([sys.executable, "-c", COMPARED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
