"""Tables that fit where they are shown: long texts wrap between words, names stay whole as long as there is room."""

import textwrap
from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from ringfence.cli import output

PIPE = 160
"""Columns of text where nobody says how wide a screen is. `--json` holds everything."""
_GAP = 1
_LEAST = 6
_NARROWEST = 20


def width() -> int:
    """How wide a table may be."""
    return output.out.width if output.out.is_terminal else PIPE


def widths(cells: Sequence[Sequence[str]], room: int) -> list[int]:
    """How wide each column is, of rows of equal length.

    As wide as its longest text if all fit; else as its longest word, and what is left goes to those with more to say.
    """
    columns = list(zip(*cells, strict=True))
    natural = [max(len(text) for text in column) for column in columns]
    words = [max((len(word) for text in column for word in text.split()), default=1) for column in columns]
    room -= _GAP * (len(columns) - 1)
    if sum(natural) <= room:
        return natural
    while sum(words) > room and max(words) > _LEAST:
        words[words.index(max(words))] -= 1
    wants = [most - least for most, least in zip(natural, words, strict=True)]
    spare = max(0, room - sum(words))
    return [least + min(want, spare * want // sum(wants)) for least, want in zip(words, wants, strict=True)]


def table(columns: Iterable[str], rows: Iterable[Iterable[object]], title: str = "") -> None:
    """A table as wide as the terminal, or 160 columns in a pipe. Cells are shown as they are, never as markup."""
    names = list(columns)
    cells = [names, *([str(cell) for cell in row] for row in rows)]
    grid = Table(title=title or None, title_justify="left", box=None, pad_edge=False, padding=(0, _GAP, 0, 0))
    grid.header_style = "bold"
    for name, wide in zip(names, widths(cells, width()), strict=True):
        grid.add_column(name, overflow="fold", width=wide)
    for row in cells[1:]:
        grid.add_row(*map(Text, row))
    output.out.print(grid)


def block(head: Iterable[str], lines: Iterable[str]) -> None:
    """One thing with much to say: what it is, and below it sentences, wrapped between words to what is shown.

    Reads alike at 80 and at 160 columns. Text is shown as it is, never as markup, nor by the terminal.
    """
    first = "  ".join(head)
    for said, indent, style in ((first, "", "bold"), *((line, "    ", "") for line in lines)):
        wide = max(_NARROWEST, width() - 1)
        wrapped = textwrap.wrap(
            output.harmless(said), wide, initial_indent=indent, subsequent_indent="    ", break_on_hyphens=False
        )
        for line in wrapped:
            output.out.print(Text(line, style))
