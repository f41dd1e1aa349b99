"""How a measure is written down: where it applies, and the desired state as values.

needs met? ──no──▶ not applicable      wants: each met, differs (with changes), by hand, or unknown
A want may have needs of its own. Nothing here reads or writes: what to read is in `reads`, what was read in `Seen`.
"""

from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    """What a measure says of a host."""

    MET = "met"
    DIFFERS = "differs"
    BY_HAND = "by hand"
    """It differs, and only people can change it: it needs another kernel, a reload, or a decision."""
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not applicable"


class There(msgspec.Struct, frozen=True):
    """One of these paths or patterns exists (`absent`: none of them does)."""

    paths: tuple[str, ...]
    says: str
    absent: bool = False


class Holds(msgspec.Struct, frozen=True):
    """A line of a file is like a pattern (`lacks`: none is). The pattern is ours, without nested repetition."""

    path: str
    pattern: str
    says: str
    lacks: bool = False


class Either(msgspec.Struct, frozen=True):
    """At least one of these."""

    needs: tuple["There | Holds", ...]
    says: str


Need = There | Holds | Either


class Sysctl(msgspec.Struct, frozen=True):
    """A kernel setting, running and at boot. `least`: a greater number is as good; `also`: so are these."""

    key: str
    value: int
    least: bool = False
    also: tuple[int, ...] = ()


class Own(msgspec.Struct, frozen=True):
    """A file that is ours alone. `{gid}` in the text stands for the number of `group`."""

    path: str
    text: str
    mode: int = 0o644
    group: str = ""
    check: str = ""
    announce: str = ""
    needs: tuple[Need, ...] = ()


class Assign(msgspec.Struct, frozen=True):
    """Keys in somebody's file, the first of `paths` that exists. `style` names its language (`wire.host.edits`)."""

    paths: tuple[str, ...]
    values: dict[str, str]
    style: str
    needs: tuple[Need, ...] = ()


class Edit(msgspec.Struct, frozen=True):
    """A rewriting of somebody's file by one of `wire.host.edits`, which leaves alone what is right already."""

    path: str
    style: str
    check: str = ""
    announce: str = ""
    needs: tuple[Need, ...] = ()


class Permissions(msgspec.Struct, frozen=True):
    """No permission bits beyond `most` on what a pattern names; of this `group` if one is named."""

    pattern: str
    most: int
    group: str = ""


class Device(msgspec.Struct, frozen=True):
    """A setting that `nvidia-smi` holds per GPU: the field that it prints, and what to hand `flag` for each value."""

    field: str
    value: str
    flag: str
    arguments: dict[str, str]
    needs: tuple[Need, ...] = ()


class Told(msgspec.Struct, frozen=True):
    """Something that is only looked at: a line of a file has to be like a pattern (`never`: no line may be).

    `path` may be a pattern of paths: one of them has to, or none may. A file that is not there says nothing: unknown,
    unless a need says that it may be missing. `remedy` says what people have to do.
    """

    path: str
    pattern: str
    remedy: str
    never: bool = False
    needs: tuple[Need, ...] = ()


class Shown(msgspec.Struct, frozen=True):
    """What the kernel shows of its parts, a file for each below `folder`: every one has to be like `well`.

    Like `ill`, or no part at all, is for people to mend (`remedy`, `none`); any other word, or no folder, is unknown.
    """

    folder: str
    name: str
    well: str
    ill: str
    remedy: str
    none: str
    needs: tuple[Need, ...] = ()

    @property
    def pattern(self) -> str:
        """The files."""
        return f"{self.folder}/*/{self.name}"


Want = Sysctl | Own | Assign | Edit | Permissions | Device | Told | Shown


class Measure(msgspec.Struct, frozen=True):
    """One thing to harden. `breaks` says what stops working. `way`: an admin's way in that has to be there first."""

    id: str
    name: str
    title: str
    why: str
    breaks: str
    wants: tuple[Want, ...]
    needs: tuple[Need, ...] = ()
    way: tuple[Need, ...] = ()
    after: str = ""
    never: str = ""
    topic: str = ""
    source: str = ""
