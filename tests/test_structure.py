"""The import contracts see every module, and what is small stays small."""

import subprocess
import sys
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "ringfence"


def test_the_checker_sees_as_many_modules_as_there_are_files():
    """A missing __init__.py would blind the contracts to a whole folder."""
    assert len(grimp.build_graph("ringfence").modules) == len(list(SOURCE.rglob("*.py")))


def test_what_an_agent_loads_brings_no_arrays():
    """The vocabulary and every reader load without numpy, pyarrow or numba."""
    modules = [
        "ringfence.estate.kinds",
        "ringfence.estate.facts",
        "ringfence.estate.ids",
        *(
            ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
            for path in (SOURCE / "wire").rglob("*.py")
            if path.stem != "__init__"
        ),
    ]
    loaded = "{'numpy', 'pyarrow', 'numba'} & set(sys.modules)"
    code = f"import sys\nfor name in {modules!r}: __import__(name)\nprint({loaded})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_no_file_is_long_without_a_reason():
    """Files hold one thing: 400 lines at most (the vocabulary is a table)."""
    long = {path.name: len(path.read_text("utf-8").splitlines()) for path in SOURCE.rglob("*.py")}
    assert {name: lines for name, lines in long.items() if lines > 400} == {}
