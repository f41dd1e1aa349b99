"""What an intruder in a job looks for: open ports of its neighbours, and a key that opens one of them.

    python3 scan.py LOG SSH_CONFIG TARGET ADDRESS [ADDRESS ...]

It tries the ports of every address once, reads the private keys in its account's home, and tries them at TARGET alone.
"""

import glob
import json
import os
import pwd
import socket
import subprocess
import sys
import time
from typing import IO

INSIDE = "10.77."
PORTS = (22, 80, 111, 443, 2049, 6818, 8080, 9000)
PATIENCE = 0.3
"""Seconds for a port to answer."""
LONGEST = 45.0


def main() -> None:
    """Scan, and go on to the target."""
    log, config, target, *addresses = sys.argv[1:]
    if not all(one.startswith(INSIDE) for one in (target, *addresses)):
        raise SystemExit("an address is not in the lab's inside network")
    end = time.monotonic() + LONGEST
    with open(log, "a", buffering=1) as file:
        say(file, "began")
        found = [f"{one}:{port}" for one in addresses for port in PORTS if time.monotonic() < end and opens(one, port)]
        say(file, "found", open=found)
        for key in keys():
            said = enter(config, key, target)
            say(file, "reached" if said else "refused", host=said, key=os.path.basename(key))
        say(file, "ended", sent=0, why="all tried")


def opens(address: str, port: int) -> bool:
    """Whether something listens there."""
    try:
        with socket.create_connection((address, port), PATIENCE):
            return True
    except OSError:
        return False


def keys() -> list[str]:
    """Files in the account's home that hold a private key, found by looking into them."""
    home = pwd.getpwuid(os.getuid()).pw_dir
    found = []
    for name in sorted(glob.glob(f"{home}/.ssh/*"))[:16]:
        try:
            with open(name, "rb") as file:
                if b"PRIVATE KEY" in file.read(64):
                    found.append(name)
        except OSError:
            continue
    return found


def enter(config: str, key: str, target: str) -> str:
    """The name of the host that the key opens, "" for none."""
    argv = ["ssh", "-F", config, "-i", key, target, "hostname"]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=False)
    except subprocess.TimeoutExpired:
        return ""
    return "" if done.returncode else done.stdout.strip()[:64]


def say(file: IO[str], what: str, **more: object) -> None:
    """A line of the log."""
    file.write(json.dumps({"at": time.time(), "what": what, **more}) + "\n")


if __name__ == "__main__":
    main()
