"""A training job of the lab: works in small steps, and does what a poisoned package in it is told to.

    python3 trainer.py FOLDER

Every step it looks for `FOLDER/HOST.sh`, takes it away and starts it as a child: that is the moment of compromise.
`FOLDER/HOST.end` ends all such children. Standard library only. It ends with its job.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

STEP = 0.02


def main() -> None:
    """Train."""
    folder = sys.argv[1]
    name = os.path.join(folder, f"{socket.gethostname()}.sh")
    children: list[subprocess.Popen[bytes]] = []
    while True:
        time.sleep(STEP)
        taken = f"{name}.{time.time_ns()}"
        with contextlib.suppress(OSError):
            os.rename(name, taken)
            children.append(subprocess.Popen(["/bin/sh", taken], start_new_session=True))
        with contextlib.suppress(OSError):
            os.unlink(f"{name[:-3]}.end")
            for one in children:
                os.killpg(one.pid, signal.SIGKILL)
        children = [one for one in children if one.poll() is None]


if __name__ == "__main__":
    main()
