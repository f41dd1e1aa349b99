"""`nvidia-smi nvlink -s` and `nvidia-smi topo -m`: the tables of one node.

Source: the tools' own output; the legend under the matrix names the codes.
"""

import re

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe

_GPU = re.compile(r"^GPU (\d{1,4}): (.{0,200}?) \(UUID: (GPU-[0-9A-Fa-f-]{8,60})\)$")
_LINK = re.compile(r"^\s+Link (\d{1,3}): (.*)$")
_ESCAPE = re.compile(r"\x1b\[[0-9;]{0,16}m")
_CODE = re.compile(r"^(X|NV\d{1,3}|SYS|NODE|PHB|PXB|PIX|SOC|C2C)$")


class Links(msgspec.Struct, frozen=True):
    """One GPU and how many of its NVLinks are up."""

    index: int
    uuid: str
    name: str
    up: int


class Matrix(msgspec.Struct, frozen=True):
    """`topo -m`: rows and columns by name ("GPU0", "NIC3"), `code[i][j]` how i reaches j."""

    names: tuple[str, ...]
    code: tuple[tuple[str, ...], ...]

    def joined(self) -> tuple[tuple[int, ...], ...]:
        """The GPU indices that NVLink joins, group by group, each ascending; single GPUs are left out."""
        gpus = [at for at, name in enumerate(self.names) if name.startswith("GPU")]
        group = {at: at for at in gpus}

        def root(at: int) -> int:
            while group[at] != at:
                group[at] = group[group[at]]
                at = group[at]
            return at

        for i in gpus:
            for j in gpus:
                if j < len(self.code[i]) and self.code[i][j].startswith("NV"):
                    group[root(i)] = root(j)
        members: dict[int, list[int]] = {}
        for at in gpus:
            members.setdefault(root(at), []).append(int(self.names[at][3:]))
        return tuple(tuple(sorted(of)) for of in members.values() if len(of) > 1)


def links(data: bytes) -> tuple[Links, ...]:
    """Read `nvidia-smi nvlink -s`. A node without NVLink prints nothing: no GPUs."""
    found: list[Links] = []
    for number, line in safe.lines(data):
        if gpu := _GPU.match(line.rstrip()):
            found.append(Links(int(gpu[1]), gpu[3], gpu[2], 0))
        elif (link := _LINK.match(line)) and found:
            if "inactive" not in link[2].lower():
                found[-1] = msgspec.structs.replace(found[-1], up=found[-1].up + 1)
        elif line.strip() and not (found and line.startswith((" ", "\t"))):
            raise InputError("not a line of nvidia-smi nvlink -s", line=number, remedy="capture it again")
    return tuple(found)


def matrix(data: bytes) -> Matrix:
    """Read `nvidia-smi topo -m`. Raises `InputError` where a row is cut short."""
    names: list[str] = []
    rows: dict[str, tuple[str, ...]] = {}
    for number, raw in safe.lines(data):
        words = _ESCAPE.sub("", raw).split()
        if not names:
            names = _header(words)
        elif words and words[0] in names:
            codes = tuple(words[1 : len(names) + 1])
            if len(codes) < len(names) or not all(_CODE.match(code) for code in codes):
                raise InputError("a row of the matrix is cut short", line=number, remedy="capture it again")
            rows[words[0]] = codes
        elif words and words[0].startswith(("Legend", "NIC")):
            break
    if not names or set(rows) != set(names):
        raise InputError("not the matrix of nvidia-smi topo -m", remedy="capture it again")
    return Matrix(tuple(names), tuple(rows[name] for name in names))


def _header(words: list[str]) -> list[str]:
    if not words or words[0] != "GPU0":
        return []
    columns: list[str] = []
    for word in words[:2048]:
        if not re.fullmatch(r"(GPU|NIC|mlx\d_|rdma)\d{1,4}", word):
            break
        columns.append(word)
    return columns
