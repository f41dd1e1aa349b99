"""Nodes on which no new job starts: drained, with a reason that says by whom.

A reason of ours on a node that drains is how a node is known to be ours. One that somebody else drains, before or
since, is theirs, and so is its reason; it counts as drained all the same. The undo takes the drain away and nothing
else (`state=undrain`): a node that was down stays down, with the reason of before. Jobs that run go on.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from ringfence.enforce.kept import Kept
from ringfence.errors import EnforceError
from ringfence.wire.slurm import hostlist

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_PLAIN = re.compile(r"[^A-Za-z0-9 .,:;/#@_+-]")
_STATE = re.compile(r"^\s+State=([A-Z_+]+)", re.MULTILINE)
_REASON = re.compile(r"^ {3}Reason=(.*?)(?: \[[^\[\]]*@[^\[\]]*\])?$", re.MULTILINE)
_SHUT = frozenset({"DRAIN", "DRAINED", "DRAINING", "FAIL", "FAILING"})
BATCH = 500
"""Nodes that one command names."""


class Node(msgspec.Struct, frozen=True):
    """What slurmctld says of a node: its base state and flags, and the reason that somebody gave."""

    states: frozenset[str]
    reason: str = ""

    @property
    def is_shut(self) -> bool:
        """Whether no new job starts on it because somebody said so."""
        return bool(self.states & _SHUT)


class Was(msgspec.Struct, frozen=True):
    """A node that we drained: its reason of before, and the reasons that we gave, the newest last."""

    reason: str = ""
    ours: tuple[str, ...] = ()


class Before(msgspec.Struct, frozen=True):
    """The nodes asked for and why, and what those were like that are ours."""

    asked: tuple[str, ...] = ()
    reason: str = ""
    nodes: Mapping[str, Was] = {}


class Nodes:
    """The nodes of one cluster. `ask` runs one of Slurm's commands; `path` is the file of what was before."""

    def __init__(self, ask: Callable[..., str], path: Path) -> None:
        self._ask, self._kept = ask, Kept(path, Before)

    def reason(self) -> str:
        """The reason that was asked for last."""
        return self._kept.load().reason

    def read(self) -> tuple[str, ...]:
        """Those asked for on which no new job starts now, whoever said so."""
        asked = self._kept.load().asked
        now = self.now() if asked else {}
        return tuple(sorted(name for name in asked if name in now and now[name].is_shut))

    def apply(self, nodes: tuple[str, ...], reason: str) -> None:
        """These are drained, and those of ours that are not among them are as they were."""
        kept = self._kept.load()
        if not nodes and not kept.nodes:
            return self._kept.save(Before(reason=reason))
        refused = {one for one in nodes if not _NAME.fullmatch(one)}
        wanted, mark, now = set(nodes) - refused, marked(reason), self.now()
        refused |= wanted - now.keys()
        ours = {name: was for name, was in kept.nodes.items() if name in now and now[name].reason in was.ours}
        drain = [one for one in wanted & now.keys() if not now[one].is_shut]
        rename = [one for one in wanted & ours.keys() if now[one].is_shut and now[one].reason != mark]
        held = {one: ours[one] for one in wanted & ours.keys()}
        for one in drain:
            held[one] = Was(ours[one].reason if one in ours else now[one].reason, (mark,))
        for one in rename:
            held[one] = Was(ours[one].reason, (now[one].reason, mark))
        asked, over = tuple(sorted(wanted)), {name: ours[name] for name in ours.keys() - wanted}
        self._kept.save(Before(asked, reason, {**over, **held}))
        self._update(drain, "State=DRAIN", f"Reason={mark}")
        self._update(rename, f"Reason={mark}")
        self._give_back(over, now)
        self._check(wanted - refused, over)
        self._kept.save(Before(asked, reason, held))
        if refused:
            raise EnforceError(f"Slurm has no node {', '.join(sorted(one[:64] for one in refused)[:20])}")
        return None

    def _give_back(self, over: Mapping[str, Was], now: Mapping[str, Node]) -> None:
        """Undrain; a node that is down has a reason, and keeps the one that it had before us."""
        self._update([name for name in over if now[name].is_shut], "State=UNDRAIN")
        down: dict[str, list[str]] = {}
        for name, was in over.items():
            if "DOWN" in now[name].states:
                # it went down by itself meanwhile: slurmctld's own words, by which it lets it return
                down.setdefault(was.reason or "Not responding", []).append(name)
        for reason, names in sorted(down.items()):
            self._update(names, f"Reason={reason}")

    def _check(self, wanted: Iterable[str], over: Mapping[str, Was]) -> None:
        """That slurmctld says so too."""
        now = {name: node for name, node in self.now().items() if node.is_shut}
        left = [f"{one} is not drained" for one in sorted(wanted) if one not in now]
        left += [
            f"{one} is still drained by us" for one in sorted(over) if one in now and now[one].reason in over[one].ours
        ]
        if left:
            raise EnforceError("; ".join(left)[:500], "apply again", tuple(left[:50]))

    def _update(self, names: Iterable[str], *what: str) -> None:
        every = sorted(names)
        for at in range(0, len(every), BATCH):
            self._ask("scontrol", "update", f"NodeName={hostlist.fold(every[at : at + BATCH])}", *what)

    def now(self) -> dict[str, Node]:
        """Every node: asked for by name, one that Slurm does not know would hide the others."""
        shown = self._ask("scontrol", "show", "node")
        return dict(
            _node(record) for record in re.split(r"^(?=NodeName=)", shown, flags=re.MULTILINE) if record.strip()
        )


def marked(reason: str) -> str:
    """Our reason for draining a node: plain letters, which no reader of Slurm's text takes for anything else."""
    return f"ringfence {_PLAIN.sub(' ', reason)}".strip()


def _node(record: str) -> tuple[str, Node]:
    state, reason = _STATE.search(record), _REASON.search(record)
    if not record.startswith("NodeName=") or state is None:
        raise EnforceError(f"scontrol tells nodes in a form that is not known: {record[:100]!r}")
    name = record.removeprefix("NodeName=").split(maxsplit=1)[0]
    return name, Node(frozenset(state[1].split("+")), reason[1].strip() if reason else "")
