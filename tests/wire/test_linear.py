"""No recogniser, reader or regular expression takes more than linear time, whatever fills a file.

Each sweep runs in a child process with a time limit: what hangs fails, and says where.
The bounds are absolute and many times what a slow machine needs; what is quadratic misses them by orders.
"""

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ringfence.collect
import ringfence.wire

FILLERS = (
    *("\n", " ", "\t", "=", "#", "(", "[", "{", '"', "'", ",", ":", "-", "a", "0", "/", ".", "\\", "@", "A", "\x00"),
    *("\r\n", "a ", " \n", "a=", "= ", "#\n", "[x]\n", "key = \n", "0x", "0 ", "a,", "a/", "- ", "-\n", "0.", "a:"),
    *("NodeName=a ", "munge", "AllowGroups=a MaxNodes=a ", "Name=a File", "/a a(", "lid 1 ", "graph "),
)
SLOWEST = 1.0
"""Seconds of processor time for one filler; linear code needs a few hundredths at most."""
OPTIONAL = {"ringfence.collect.gpu_nvml"}


def filled(unit: str, size: int) -> bytes:
    """`size` bytes of one filler, and an end that fits nothing."""
    return (unit * (size // len(unit) + 1))[:size].encode() + b"\x01!"


def modules() -> Iterator[Any]:
    for package in (ringfence.wire, ringfence.collect):
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if found.name not in OPTIONAL:
                yield importlib.import_module(found.name)


def patterns() -> dict[tuple[Any, int, tuple[str, ...]], tuple[str, re.Pattern[Any]]]:
    """Every pattern that a module holds, however deep, and every literal one given to `re` inside a function."""
    every = ("search", "match", "fullmatch")
    found: dict[tuple[Any, int, tuple[str, ...]], tuple[str, re.Pattern[Any]]] = {}
    for module in modules():
        for name, value in vars(module).items():
            for pattern in _held(value, set()):
                found.setdefault((pattern.pattern, pattern.flags, every), (f"{module.__name__}.{name}", pattern))
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re.") and node.args:
                first = node.args[0]
                how = ast.unparse(node.func).removeprefix("re.")
                if isinstance(first, ast.Constant) and how not in ("escape", "Pattern"):
                    ways = every if how == "compile" else (how,) if how in every else ("search",)
                    flagged = [ast.unparse(each) for each in (*node.args[1:], *(word.value for word in node.keywords))]
                    flags = sum(int(getattr(re, text[3:])) for text in flagged if re.fullmatch(r"re\.[A-Z]+", text))
                    pattern = re.compile(first.value, flags)
                    key = (pattern.pattern, pattern.flags, ways)
                    found.setdefault(key, (f"{module.__name__}, line {node.lineno}", pattern))
    return found


def _held(value: object, seen: set[int]) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif id(value) not in seen:
        seen.add(id(value))
        inner: Any = ()
        if isinstance(value, (tuple, list, set, frozenset)):
            inner = value
        elif isinstance(value, dict):
            inner = value.values()
        elif isinstance(value, type) and value.__module__.startswith("ringfence"):
            inner = vars(value).values()
        for each in inner:
            yield from _held(each, seen)


def _timed(what: str, call: Any, *arguments: object) -> None:
    """Call it; say its name first, so that a hang is named too."""
    sys.stderr.write(f"\n{what}")
    sys.stderr.flush()
    start = time.process_time()
    call(*arguments)
    if time.process_time() - start > SLOWEST:
        raise SystemExit(f" took {time.process_time() - start:.1f} s")


def sweep_patterns() -> None:
    for (_, _, ways), (where, pattern) in patterns().items():
        for size in (4096, 65536):
            for unit in FILLERS:
                for before in (b"", b"\n"):
                    data: Any = before + filled(unit, size)
                    data = data if isinstance(pattern.pattern, bytes) else data.decode()
                    for way in ways:
                        _timed(f"{where} {way} {unit!r} × {size}: {pattern.pattern!r}", getattr(pattern, way), data)


def sweep_recognisers() -> None:
    from ringfence.collect.captures import COLLECTORS

    for collector in COLLECTORS:
        for unit in FILLERS:
            for path in ("x", "hosts/a/x.conf", "x.json", "x.csv", "x.yaml"):
                _timed(f"{collector.name} {path} {unit!r}", collector.recognise, path, filled(unit, 8190))


def sweep_tree(root: str) -> None:
    from ringfence.app.survey import survey_tree
    from ringfence.collect.base import Scope

    sys.stderr.write("the whole tree")
    survey_tree(Path(root), Scope())


def in_child(sweep: str, seconds: float, *arguments: str) -> str:
    """Run one sweep in a process of its own; what it failed at, or "" when it came through in time."""
    code = f"from tests.wire import test_linear; test_linear.{sweep}(*{arguments!r})"
    root = Path(__file__).parents[2]
    try:
        done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        return f"not done after {seconds} s: {(error.stderr or b'').decode().splitlines()[-1]}"
    return "" if done.returncode == 0 else "\n".join(done.stderr.decode().splitlines()[-3:])


def test_every_pattern_is_found_in_modules_tuples_and_functions():
    """Else the sweep below would prove little."""
    found = {where for where, _ in patterns().values()}
    assert len(found) > 80
    assert {"ringfence.wire.slurm.sniff._CONF", "ringfence.wire.ibnet.wiring._EDGE"} <= found
    assert any(", line " in where for where in found)


def test_every_pattern_is_linear_in_every_filler():
    """64 KiB of one thing, searched, matched and fully matched."""
    assert in_child("sweep_patterns", 90) == ""


def test_every_recogniser_is_linear_in_every_filler():
    """Heads of 8,192 bytes, under several names."""
    assert in_child("sweep_recognisers", 30) == ""


def test_files_of_one_filler_are_collected_in_time(tmp_path):
    """1 MiB of each, in one tree, by name of nothing and of what recognisers know by name."""
    for at, unit in enumerate(FILLERS):
        (tmp_path / f"filler-{at}").write_bytes(filled(unit, 1 << 20))
    assert in_child("sweep_tree", 20, str(tmp_path)) == ""


def test_a_quadratic_pattern_misses_the_bound():
    """The bound itself catches what it is there for."""
    code = (
        "import re; from tests.wire.test_linear import _timed, filled;"
        r"_timed('bad', re.compile(rb'(?m)^\s*x').search, filled('\n', 65536))"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, timeout=20, check=False
        )
    except subprocess.TimeoutExpired:
        return
    assert done.returncode != 0
    assert b"took" in done.stderr
