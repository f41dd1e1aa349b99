"""Printing: tables for people on a terminal, JSON for programs, errors with their remedy."""

import re
import sys
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ringfence.errors import Problem, RingfenceError

# A pipe has no width: ids stay whole, so that they can be searched for and copied.
# Nor is `model:m:` half an emoji.
out = Console(highlight=False, emoji=False, soft_wrap=True, width=None if sys.stdout.isatty() else 400)
err = Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)


_STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def harmless(text: str) -> str:
    """Without what steers a terminal or turns the direction of writing: cells hold what captures say."""
    return _STEERING.sub("\N{REPLACEMENT CHARACTER}", text)


def json(value: Any) -> None:
    """`value` as indented JSON on standard output."""
    encoded = msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2)
    sys.stdout.write(encoded.decode("utf-8") + "\n")


def json_line(value: Any) -> None:
    """`value` as one line of JSON, at once: someone follows."""
    sys.stdout.write(msgspec.json.encode(value, enc_hook=str).decode("utf-8") + "\n")
    sys.stdout.flush()


def json_lines(values: Iterable[Any]) -> None:
    """A JSON array on standard output, one element a line, written as it comes."""
    encode = msgspec.json.Encoder(enc_hook=str).encode
    before = "[\n"
    for value in values:
        sys.stdout.write(before + encode(value).decode("utf-8"))
        before = ",\n"
    sys.stdout.write("[]\n" if before == "[\n" else "\n]\n")


def complain(error: RingfenceError) -> None:
    """An error and what to do about it, on standard error."""
    err.print(Text(f"ringfence: {error.what}", style="bold red"))
    if error.remedy:
        err.print(Text(f"  {error.remedy}"))


def problems(found: Iterable[Problem], most: int = 20) -> None:
    """What could not be read, on standard error; the first `most` and a count."""
    found = list(found)
    for problem in found[:most]:
        err.print(Text(f"  {harmless(str(problem))}", style="yellow"))
    if len(found) > most:
        err.print(Text(f"  … and {len(found) - most} more (ringfence show FILE lists them)", style="yellow"))


def table(columns: Iterable[str], rows: Iterable[Iterable[object]], title: str = "") -> None:
    """A plain table on standard output. Cells are never read as markup, nor by the terminal."""
    grid = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        grid.add_column(column, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(harmless(str(cell))) for cell in row))
    out.print(grid)


@contextmanager
def progress(shown: bool = True) -> Any:
    """A spinner on standard error; yields a function that names the step now under way."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        disable=not (shown and err.is_terminal),
    ) as bar:
        task = bar.add_task("…", total=None)

        def step(name: str, done: int = 0, of: int = 0) -> None:
            count = f" {done:,}" + (f" of {of:,}" if of else "") if done else ""
            bar.update(task, description=name + count)

        announced: Callable[..., None] = step
        yield announced
