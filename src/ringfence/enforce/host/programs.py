"""Who has to accept a file before it is put in place, and who is told after.

A check sees the whole configuration as it would be. It is asked of this machine's own programs, also for a tree that is
not its own. Announcing happens on a live host only; a tree that nothing runs from has nobody to tell.
"""

import os
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

from ringfence.assess.harden.changes import Write
from ringfence.collect.tree import Tree
from ringfence.enforce import files
from ringfence.errors import EnforceError, MissingPart
from ringfence.wire.host.entry import Kind
from ringfence.wire.host.pam import rules
from ringfence.wire.storage import exports

SSHD = "/usr/sbin/sshd"
_PID_FILE = "/run/sshd.pid"
_MODULES = ("/usr/lib/*/security", "/usr/lib64/security", "/usr/lib/security")


def check(tree: Tree, change: Write) -> None:
    """Raises `EnforceError` where the program that reads the file would not take it; `MissingPart` without it."""
    if change.check:
        CHECKS[change.check](tree, change)


def announce(tree: Tree, change: Write) -> None:
    """Tell whoever reads the file. Raises `EnforceError`."""
    if change.announce and tree.live:
        ANNOUNCE[change.announce]()


def _sshd(tree: Tree, change: Write) -> None:
    """`sshd -t` on the drop-in before the site's own configuration, which is how sshd takes the first word of each."""
    main = f"{tree.root}/etc/ssh/sshd_config".replace("//", "/")
    with tempfile.TemporaryDirectory(prefix="ringfence-harden-") as folder:
        candidate, whole = Path(folder, "candidate.conf"), Path(folder, "whole")
        candidate.write_bytes(change.content)
        whole.write_text(f"Include {candidate}\nInclude {main}\n", "utf-8")
        files.run([SSHD, "-t", "-f", str(whole)])


def _pam(tree: Tree, change: Write) -> None:
    """That every line is a rule, and that each module it names is there: a missing one refuses everybody."""
    found = rules(change.content)
    before = tree.entry(change.path)
    known = {rule.module for rule in rules(before.content)} if before.kind is Kind.FILE else set()
    for module in {rule.module for rule in found if rule.control != "include"} - known:
        if not any(tree.matching(f"{folder}/{module}") for folder in _MODULES):
            what = f"{module} is not installed, and PAM would refuse every login"
            raise EnforceError(what, "install it, then plan again")


def _exports(_: Tree, change: Write) -> None:
    faults = exports.parse(change.content).faults
    if faults:
        raise EnforceError(f"{change.path}:{faults[0].line}: {faults[0].what}", "nothing was changed")


def _reload_sshd() -> None:
    """SIGHUP to the listener: sessions that are open stay open."""
    told = files.text(Path(_PID_FILE)).strip()
    if not told.isdigit():
        return  # no sshd runs, and the next one reads the file
    title = files.text(Path("/proc", told, "cmdline")).replace("\0", " ")
    if "sshd" not in title:
        raise EnforceError(f"process {told} of {_PID_FILE} is no sshd", "reload sshd by hand")
    os.kill(int(told), signal.SIGHUP)


def _export() -> None:
    files.run(("exportfs", "-ra"))


def _udev() -> None:
    try:
        files.run(("udevadm", "control", "--reload"))
    except (MissingPart, EnforceError):
        return  # where no udev runs (containers) the rule counts at the next boot


CHECKS: dict[str, Callable[[Tree, Write], None]] = {"sshd": _sshd, "pam": _pam, "exports": _exports}
ANNOUNCE: dict[str, Callable[[], None]] = {"sshd": _reload_sshd, "exports": _export, "udev": _udev}
