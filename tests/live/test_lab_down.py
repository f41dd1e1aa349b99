"""What is left of a lab whose `up` was killed half way, and of that after `down`."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ringfence.app.lab import inside, processes, run, world
from tests.live import labs

pytestmark = pytest.mark.live

UP = """
import sys
from pathlib import Path
from ringfence.app.lab import layout, run
run.up(layout.Layout(Path(sys.argv[1]), 4), print)
"""


def test_nothing_is_left_when_it_is_down_also_where_up_was_killed():
    """Namespaces, processes, control groups, mounts, files: all are gone; a second `down` finds nothing."""
    with labs.place(4) as layout:
        up = subprocess.Popen([sys.executable, "-uc", UP, str(layout.folder)], stdout=subprocess.PIPE)
        assert up.stdout
        assert b"machines" in up.stdout.readline()
        up.stdout.readline()  # the first part is up, others are half way
        up.send_signal(signal.SIGKILL)
        up.wait()
        pids = [int(pid) for pid in (inside.group() / "gpu01" / "cgroup.procs").read_text().split()]
        assert pids
        assert world.left()
        assert run.down(layout)
        assert not world.left()
        assert not inside.group().exists()
        assert not layout.folder.exists()
        assert not any(processes.started_at(pid) for pid in pids)
        assert str(layout.folder) not in Path("/proc/self/mounts").read_text()
        assert not run.down(layout)
