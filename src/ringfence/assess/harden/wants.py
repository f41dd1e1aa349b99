"""Each kind of want: whether what was seen meets it, and what would."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from ringfence.assess.harden.changes import Change, Permit, Put, Run, Write
from ringfence.assess.harden.measure import Assign, Device, Edit, Own, Permissions, Shown, Sysctl, Told, Verdict
from ringfence.assess.harden.shows import unseen
from ringfence.errors import InputError
from ringfence.estate.ids import clean
from ringfence.wire.host.edits import ASSIGN, EDIT
from ringfence.wire.host.entry import Entry, Kind, Seen

AT_BOOT = "/etc/sysctl.d/zz-ringfence.{}.conf"
"""After those of distributions, `99-sysctl.conf` included. One file for each key, so that measures share none."""
HEAD = "# written by Ringfence (`ringfence harden`); `ringfence harden undo` takes it back\n"
SMI = "nvidia-smi"
PROGRAMS = "/usr/bin"
"""Where programs lie; a tree without it does not say that one is not installed."""
_UUID = re.compile(r"(?:GPU|MIG)-[0-9a-f-]{8,60}\Z")
_NUMBER = re.compile(r"-?[0-9]{1,18}\Z")


class Looked(msgspec.Struct, frozen=True):
    """What became of one want."""

    verdict: Verdict
    reason: str
    changes: tuple[Change, ...] = ()


def look(want: Any, seen: Seen) -> Looked:
    """What was seen against what is wanted."""
    return _LOOKS[type(want)](want, seen)


def running(want: Sysctl) -> str:
    """Where the kernel shows a setting."""
    return f"/proc/sys/{want.key.replace('.', '/')}"


def asked(want: Device) -> tuple[str, ...]:
    """The question about every GPU."""
    return SMI, f"--query-gpu=uuid,{want.field}", "--format=csv,noheader"


def _sysctl(want: Sysctl, seen: Seen) -> Looked:
    (now,) = seen.at(running(want))
    if now.kind is Kind.ABSENT:
        return _none(now.path, f"this kernel has no {want.key}", seen)
    if now.kind is not Kind.FILE:
        return _unknown(now)
    found = now.content.decode("utf-8", "replace").strip()
    if not _NUMBER.match(found):
        return Looked(Verdict.UNKNOWN, f"{want.key} is {_short(found)}, which is no number")
    enough = int(found) in (want.value, *want.also) or (want.least and int(found) > want.value)
    value = int(found) if enough else want.value
    changes: list[Change] = [] if enough else [Put(now.path, str(value), found)]
    boot = AT_BOOT.format(want.key)
    file = _file(boot, f"{HEAD}{want.key} = {value}\n".encode(), seen, 0o644)
    if isinstance(file, Looked):
        return file
    least = "at least " if want.least else ""
    reason = f"{want.key} is {found}, wanted {least}{want.value}" if changes else f"{want.key} is {found}"
    if file and not changes:
        reason += ", but not said for the next boot"
    changes += file
    return Looked(Verdict.DIFFERS if changes else Verdict.MET, reason, tuple(changes))


def _own(want: Own, seen: Seen) -> Looked:
    text = want.text
    if want.group:
        gid = _group(seen, want.group)
        if gid is None:
            return Looked(Verdict.BY_HAND, f"there is no group {want.group}; make it, with those who may")
        text = text.replace("{gid}", str(gid))
    changes = _file(want.path, (HEAD + text).encode(), seen, want.mode, want.check, want.announce)
    if isinstance(changes, Looked):
        return changes
    said = "is as wanted" if not changes else "holds something else" if changes[0].before else "is not there"
    return Looked(Verdict.DIFFERS if changes else Verdict.MET, f"{want.path} {said}", tuple(changes))


def _file(
    path: str, content: bytes, seen: Seen, mode: int, check: str = "", announce: str = ""
) -> list[Write] | Looked:
    (now,) = seen.at(path)
    if now.kind not in (Kind.FILE, Kind.ABSENT):
        return _unknown(now)
    same = now.kind is Kind.FILE and now.content == content
    return [] if same else [Write(path, content, now.digest, mode, check, announce)]


def _assign(want: Assign, seen: Seen) -> Looked:
    entries = [entry for path in want.paths for entry in seen.at(path)]
    now = next((one for one in entries if one.kind is not Kind.ABSENT), None)
    if now is None:
        return Looked(Verdict.BY_HAND, f"there is no {want.paths[0]}; make it, or set it where it is handed out from")
    if now.kind is not Kind.FILE:
        return _unknown(now)
    value_of, with_value = ASSIGN[want.style]
    content, wrong = now.content, []
    for key, value in want.values.items():
        found = value_of(now.content, key)
        if found is None or found.lower() != value.lower():
            content = with_value(content, key, value)
            wrong.append(f"{key} is {_short(found) if found else 'not set'}, wanted {value}")
    if not wrong:
        return Looked(Verdict.MET, f"{now.path} is as wanted")
    return Looked(Verdict.DIFFERS, f"{now.path}: {'; '.join(wrong)}", (Write(now.path, content, now.digest),))


def _edit(want: Edit, seen: Seen) -> Looked:
    (now,) = seen.at(want.path)
    if now.kind is Kind.ABSENT:
        return _none(want.path, f"there is no {want.path}", seen)
    if now.kind is not Kind.FILE:
        return _unknown(now)
    try:
        wanted = EDIT[want.style](now.content)
    except InputError as error:
        return Looked(Verdict.BY_HAND, f"{want.path}:{error.line}: {error.what}: {error.remedy}")
    if wanted == now.content:
        return Looked(Verdict.MET, f"{want.path} is as wanted")
    change = Write(want.path, wanted, now.digest, check=want.check, announce=want.announce)
    return Looked(Verdict.DIFFERS, f"{want.path} holds lines that differ", (change,))


def _permissions(want: Permissions, seen: Seen) -> Looked:
    entries = [entry for entry in seen.at(want.pattern) if entry.kind is not Kind.ABSENT]
    if not entries:
        return _none(want.pattern, f"there is no {want.pattern}", seen)
    unread = next((one for one in entries if one.kind not in (Kind.DEVICE, Kind.FILE)), None)
    if unread:
        return _unknown(unread)
    gid = _group(seen, want.group) if want.group else -1
    if gid is None:
        return Looked(Verdict.BY_HAND, f"there is no group {want.group}; make it, with those who may")
    changes = []
    for one in entries:
        group = one.gid if gid < 0 else gid
        if one.mode & ~want.most or group != one.gid:
            changes.append(Permit(one.path, one.mode & want.most, group, (one.mode, one.gid)))
    if not changes:
        return Looked(Verdict.MET, f"{want.pattern}: none is wider than {want.most:04o}")
    reason = f"{changes[0].path} is {changes[0].before[0]:04o}, wanted {changes[0].mode:04o}"
    return Looked(Verdict.DIFFERS, reason, tuple(changes))


def _device(want: Device, seen: Seen) -> Looked:
    said = seen.said[asked(want)]
    if said.absent:
        return _none(f"{PROGRAMS}/{SMI}", said.why, seen)
    if said.status != 0:
        return Looked(Verdict.UNKNOWN, f"{SMI}: {_short(said.why or said.text)}")
    changes, odd, met = [], [], 0
    for line in said.text.splitlines()[:1024]:
        uuid, _, found = (part.strip() for part in line.partition(","))
        if not _UUID.match(uuid):
            odd.append(_short(line))
        elif found == want.value:
            met += 1
        elif found in want.arguments:
            changes.append(_setting(want, uuid, found))
        elif found not in ("[N/A]", "N/A", "[Not Supported]"):
            odd.append(_short(line))
    if odd:
        return Looked(Verdict.UNKNOWN, f"{SMI} says something else: {odd[0]}", tuple(changes))
    if changes:
        return Looked(Verdict.DIFFERS, f"{want.field} is {changes[0].before}, wanted {want.value}", tuple(changes))
    if met:
        return Looked(Verdict.MET, f"{want.field} is {want.value} on {met} GPUs")
    return Looked(Verdict.NOT_APPLICABLE, f"no GPU here has {want.field}")


def _setting(want: Device, uuid: str, found: str) -> Run:
    one = (SMI, "-i", uuid)
    ask = (*one, f"--query-gpu={want.field}", "--format=csv,noheader")
    argv, back = (((*one, want.flag, want.arguments[value])) for value in (want.value, found))
    return Run(f"{want.field} of {uuid}", ask, argv, want.value, found, back)


def _told(want: Told, seen: Seen) -> Looked:
    entries = seen.at(want.path)
    if not entries:
        return _none(want.path, f"there is no {want.path}", seen)
    like = next((_short(line) for one in entries for line in _lines(one) if re.fullmatch(want.pattern, line)), None)
    unread = next((one for one in entries if one.kind is not Kind.FILE), None)
    if like is not None:
        return Looked(*(_by_hand(want) if want.never else (Verdict.MET, f"{want.path} says so: {like}")))
    if unread is not None:
        return _unsaid(unread)
    return Looked(*((Verdict.MET, f"{want.path} does not say it") if want.never else _by_hand(want)))


def _by_hand(want: Told) -> tuple[Verdict, str]:
    return Verdict.BY_HAND, f"{want.path}: {want.remedy}"


def _lines(entry: Entry) -> list[str]:
    return entry.content.decode("utf-8", "replace").splitlines() if entry.kind is Kind.FILE else []


def _unsaid(entry: Entry) -> Looked:
    """What is not there says nothing, neither good nor bad."""
    if entry.kind is Kind.ABSENT:
        return Looked(Verdict.UNKNOWN, f"there is no {entry.path}, which would say it")
    return _unknown(entry)


def _shown(want: Shown, seen: Seen) -> Looked:
    entries = seen.at(want.pattern)
    unread = next((one for one in entries if one.kind is not Kind.FILE), None)
    if unread is not None:
        return _unsaid(unread)
    if not entries:
        return _none_shown(want, seen)
    words = {one.path: one.content.decode("utf-8", "replace").strip() for one in entries}
    ill = [path for path, word in words.items() if re.fullmatch(want.ill, word)]
    odd = [path for path, word in words.items() if path not in ill and not re.fullmatch(want.well, word)]
    if ill:
        count = f", and {len(ill) - 1} more of {len(words)}" if len(ill) > 1 else ""
        return Looked(Verdict.BY_HAND, f"{ill[0]} is {words[ill[0]]}{count}: {want.remedy}")
    if odd:
        return Looked(Verdict.UNKNOWN, f"{odd[0]} is {_short(words[odd[0]])}, which does not say it")
    return Looked(Verdict.MET, f"{want.pattern}: all {len(words)} are {_short(next(iter(words.values())))} or alike")


def _none_shown(want: Shown, seen: Seen) -> Looked:
    (folder,) = seen.at(want.folder)
    if folder.kind is not Kind.FOLDER:
        return _unsaid(folder)
    parts = seen.at(f"{want.folder}/*")
    if parts:
        return Looked(Verdict.UNKNOWN, f"{parts[0].path} has no {want.name}, which would say it")
    return Looked(Verdict.BY_HAND, f"{want.folder} is empty: {want.none}")


def _none(path: str, says: str, seen: Seen) -> Looked:
    """What a missing path means: that there is none, if the place that would show it was seen."""
    missing = unseen(path, seen)
    if missing:
        return Looked(Verdict.UNKNOWN, f"there is no {missing} here, which would show {path}")
    return Looked(Verdict.NOT_APPLICABLE, says)


def _unknown(entry: Entry) -> Looked:
    if entry.kind is Kind.LINK:
        return Looked(Verdict.UNKNOWN, f"{entry.path} is a link to {_short(entry.why)}, which is not followed")
    why = entry.why or f"it is a {entry.kind}"
    return Looked(Verdict.UNKNOWN, f"{entry.path} could not be read: {why}")


def _group(seen: Seen, name: str) -> int | None:
    (entry,) = seen.at("/etc/group")
    for line in entry.content.decode("utf-8", "replace").splitlines():
        fields = line.split(":")
        if len(fields) == 4 and fields[0] == name and fields[2].isdigit():
            return int(fields[2][:10])
    return None


def _short(text: str) -> str:
    return clean(text)[:120]


_LOOKS: dict[type, Callable[[Any, Seen], Looked]] = {
    Sysctl: _sysctl,
    Own: _own,
    Assign: _assign,
    Edit: _edit,
    Permissions: _permissions,
    Device: _device,
    Told: _told,
    Shown: _shown,
}
