"""`/etc/sudoers` and the files of `/etc/sudoers.d` (sudoers(5)): who may run what as whom."""

import re
from collections.abc import Mapping

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_ALIAS = re.compile(r"^(User|Runas|Host|Cmnd|Cmd)_Alias\s+(.*)$")
_TAG = re.compile(r"^(NOPASSWD|PASSWD|(?:NO)?(?:EXEC|SETENV|FOLLOW|MAIL|INTERCEPT|LOG_\w{1,20})):\s*")
_HEAD = re.compile(
    rb"(?m)^(?:Defaults[ \t:@!>]|(?:User|Runas|Host|Cmnd)_Alias[ \t]|[%+#@]?[^\s=#]{1,80}[ \t]+[^=\n#]{1,200}"
    rb"=[ \t]*(?:\([^)\n]{0,80}\)|[A-Z]+:|ALL|/))"
)
_MOST = 5_000

EQUAL_TO_ROOT = frozenset(
    (
        "ALL",
        "sudoedit",
        "ash",
        "bash",
        "csh",
        "dash",
        "fish",
        "ksh",
        "sh",
        "tcsh",
        "zsh",
        "su",
        "sudo",
        "env",
        "perl",
        "python",
        "python2",
        "python3",
        "ruby",
        "lua",
        "node",
        "php",
        "awk",
        "gawk",
        "mawk",
        "vi",
        "vim",
        "vim.basic",
        "nvim",
        "view",
        "emacs",
        "nano",
        "ed",
        "less",
        "more",
        "man",
        "find",
        "xargs",
        "tar",
        "zip",
        "rsync",
        "cp",
        "mv",
        "dd",
        "tee",
        "install",
        "chmod",
        "chown",
        "ln",
        "mount",
        "docker",
        "podman",
        "nerdctl",
        "ctr",
        "crictl",
        "kubectl",
        "nsenter",
        "unshare",
        "chroot",
        "strace",
        "gdb",
        "ltrace",
        "systemd-run",
        "systemctl",
        "journalctl",
        "nmap",
        "tcpdump",
        "ssh",
        "scp",
        "git",
        "make",
        "pip",
        "pip3",
        "apt",
        "apt-get",
        "dnf",
        "yum",
        "rpm",
        "dpkg",
        "snap",
        "crontab",
        "at",
        "visudo",
        "passwd",
        "useradd",
        "usermod",
        "insmod",
        "modprobe",
        "ip",
        "screen",
        "tmux",
        "watch",
        "timeout",
        "nice",
        "ionice",
        "setpriv",
        "flock",
        "stdbuf",
        "taskset",
        "numactl",
        "srun",
    )
)
"""Programs that hand over a root shell or let one write any file, by documented features of their own."""


class Grant(msgspec.Struct, frozen=True):
    """`who` (a user, `%group`, `#uid`, `ALL`) may run `command` on `hosts`, as `runas`."""

    who: str
    hosts: tuple[str, ...]
    runas: tuple[str, ...]
    command: str
    nopasswd: bool
    line: int = 0

    @property
    def is_root(self) -> bool:
        """Whether it amounts to the superuser: as root, by a command that can become a root shell."""
        program = self.command.split(None, 1)[0].rpartition("/")[2] if self.command else ""
        as_root = not self.runas or any(name in ("ALL", "root", "#0", "%root") for name in self.runas)
        return as_root and (program in EQUAL_TO_ROOT or self.command.endswith("/"))


def looks_like(head: bytes) -> bool:
    return bool(_HEAD.search(head))


def grants(data: bytes) -> tuple[Grant, ...]:
    """Every grant with its aliases resolved. What stands after `!` is left out of nothing: sudoers(5)
    itself warns that exclusions by name do not hold. Raises `InputError` with the line.
    """
    aliases: dict[str, dict[str, tuple[str, ...]]] = {"User": {}, "Runas": {}, "Host": {}, "Cmnd": {}}
    specs: list[tuple[int, str]] = []
    for number, line in _joined(data):
        text = _uncommented(line).strip()
        found = _ALIAS.match(text)
        if found:
            _alias(aliases["Cmnd" if found[1] == "Cmd" else found[1]], found[2], number)
        elif text and not text.startswith(("Defaults", "@include", "#include")):
            specs.append((number, text))
    out: list[Grant] = []
    for number, text in specs:
        out += _spec(text, number, aliases)
        if len(out) > 20 * _MOST:
            raise InputError("its aliases multiply beyond any real file", line=number)
    return tuple(out)


def includes(data: bytes) -> tuple[str, ...]:
    """Paths of the files and folders that it includes."""
    found = (re.match(r"^[@#]include(?:dir)?\s+(\S+)", line.strip()) for _, line in safe.lines(data))
    return tuple(match[1] for match in found if match)


def _uncommented(line: str) -> str:
    """Without the comment: `#` begins one unless digits (a uid) or `include` follow."""
    at = 0
    while (at := line.find("#", at)) >= 0:
        follows = line[at + 1 : at + 8]
        if not (follows[:1].isdigit() or follows.startswith("include") or (at and line[at - 1] == "\\")):
            return line[:at]
        at += 1
    return line


def _joined(data: bytes) -> list[tuple[int, str]]:
    joined: list[tuple[int, str]] = []
    held: list[str] = []
    start = 0
    for number, line in safe.lines(data):
        start = start or number
        if line.endswith("\\"):
            held.append(line[:-1])
            continue
        joined.append((start, " ".join([*held, line])))
        held, start = [], 0
    if held:
        joined.append((start, " ".join(held)))
    return joined


def _alias(table: dict[str, tuple[str, ...]], text: str, number: int) -> None:
    for part in text.split(":"):
        name, equals, members = part.partition("=")
        if not equals:
            raise InputError("an alias without `=`", line=number)
        table[name.strip()] = _names(members)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in (part.strip() for part in text.replace("\\,", "\0").split(",")) if name)


def _resolve(names: tuple[str, ...], table: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Aliases replaced by their members; one that contains itself is followed once."""
    out: list[str] = []
    seen: set[str] = set()
    left = list(reversed(names))
    while left:
        name = left.pop()
        if name in table:
            if name not in seen:
                seen.add(name)
                left.extend(reversed(table[name]))
        elif not name.startswith("!"):
            out.append(name)
        if len(out) > _MOST:
            break
    return tuple(out)


def _spec(text: str, number: int, aliases: Mapping[str, Mapping[str, tuple[str, ...]]]) -> list[Grant]:
    head, equals, rest = text.partition("=")
    words = head.replace("\\ ", "\0").rsplit(None, 1)
    if "," in head:  # `alice, bob   ALL` and `alice  gpu1, gpu2` are both written
        words = _split_list(head)
    if not equals or len(words) != 2:
        raise InputError("not a grant: `who hosts = (as) commands`", line=number, remedy="check it with visudo -c")
    who = _resolve(_names(words[0].replace("\0", " ")), aliases["User"])
    hosts = _resolve(_names(words[1]), aliases["Host"])
    out = []
    for runas, nopasswd, command in _commands(rest):
        as_whom = _resolve(runas, aliases["Runas"])
        for resolved in _resolve((command,), aliases["Cmnd"]):
            out += [Grant(name, hosts, as_whom, resolved, nopasswd, number) for name in who]
        if len(out) > 20 * _MOST:
            raise InputError("its aliases multiply beyond any real file", line=number)
    return out


def _split_list(head: str) -> list[str]:
    """[users, hosts] of a head with commas: the first space that no comma touches parts them."""
    text = ",".join(part.strip(" \t") for part in head.strip().split(","))
    return text.split(None, 1)


def _commands(text: str) -> list[tuple[tuple[str, ...], bool, str]]:
    """(run as, without password, command) of each command; tags and `(…)` last until changed."""
    out = []
    runas: tuple[str, ...] = ()
    nopasswd = False
    for part in _names(text.partition(" : ")[0]):
        rest = part
        if rest.startswith("("):
            inside, _, rest = rest[1:].partition(")")
            runas = _names(inside.partition(":")[0]) or ("",)
            rest = rest.strip()
        while found := _TAG.match(rest):
            if found[1] in ("NOPASSWD", "PASSWD"):
                nopasswd = found[1] == "NOPASSWD"
            rest = rest[found.end() :]
        command = rest.replace("\0", ",").strip()
        if command:
            out.append((runas, nopasswd, command))
    return out
