"""Host trees for tests: real files below a folder, from a sample; and what they are, byte for byte."""

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parent / "samples"
OURS = "var/lib/ringfence"
"""Where receipts and journal are kept: no part of what is compared."""

WHOLE = {
    **{f"/proc/sys/{part}/here": "" for part in ("kernel", "fs", "net")},
    "/proc/version": "Linux\n", "/sys/kernel/here": "", "/dev/null": "", "/etc/hostname": "a\n", "/usr/bin/true": "",
}  # fmt: skip
"""What every host has, and by which a tree shows that it is one."""


def sample(name: str) -> dict[str, Any]:
    """`tree`, the verdict on it, the verdict after an apply (`then`), and the paths without which it does not apply."""
    found: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))
    return found


def grown(root: Path, tree: dict[str, Any]) -> Path:
    """The tree as files below `root`."""
    for path, what in tree.items():
        file = root / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        one = what if isinstance(what, dict) else {"text": what}
        if one.get("hostkey"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)], check=True)
        else:
            file.write_text(one["text"].replace("{root}", str(root)), "utf-8")
        file.chmod(int(one.get("mode", "0644"), 8))
    return root


def picture(root: Path) -> dict[str, tuple[object, ...]]:
    """Every path: kind and mode, owners, bytes, time of change of what is a file."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, names, files in os.walk(root):
        for name in (*names, *files):
            path = Path(folder, name)
            inside = str(path.relative_to(root))
            if OURS.startswith(inside) or inside.startswith(OURS):
                continue
            seen = path.lstat()
            plain = stat.S_ISREG(seen.st_mode)
            # what is written in place has a new time: a kernel's files have none of their own
            time = seen.st_mtime_ns if plain and not inside.startswith(("proc/", "usr/bin/smi.")) else 0
            found[inside] = (seen.st_mode, seen.st_uid, seen.st_gid, path.read_bytes() if plain else b"", time)
    return found
