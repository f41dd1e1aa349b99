"""Runs conditions on the rows that a literal was found in.

        bits (row, rule) ──▶ question ─yes/no─▶ question … ──▶ hit | no hit | waits for an answer from outside

`views` is the table of columns (`memory`), `spans` and `columns` say which of them make up a field, `keyword` names the
columns that keywords are looked for in, the message first.
"""

import numpy as np

from ringfence.analyse.reach.jit import kernel
from ringfence.watch.sigma.code import (
    ASK,
    CASE,
    CIDR4,
    COMPARE,
    EQUAL,
    EXISTS,
    EXTRA,
    FIELD,
    FIELD_AT,
    FROM,
    GT,
    GTE,
    INSIDE,
    KEYWORD,
    LENGTH,
    LIKE,
    LT,
    LTE,
    MATCH,
    NO,
    NULL,
    NUMBER,
    ON_NO,
    ON_YES,
    OP,
    PREFIX,
    SUFFIX,
    WORDS,
    Program,
)
from ringfence.watch.sigma.glob import FOLDED, find, like, same
from ringfence.watch.sigma.memory import (
    ABSENT,
    DATA,
    INT,
    KIND,
    NUMBERS,
    OFFSETS,
    PLACES,
    SHIFT,
    TEXT,
    VALID,
    WIDTH,
    bytes_at,
    longs_at,
    offsets_at,
    reals_at,
    there,
)
from ringfence.watch.sigma.memory import FOLDED as FOLDED_DATA
from ringfence.watch.sigma.walk import holds

UNKNOWN = 2
"""The answer that has to come from outside, beside 0 and 1."""


class Tables:
    """What the loops read: the arrays of a program and of a batch, given to them as one address of addresses.

    Compiled code that hands arrays on from call to call counts their references at each; addresses cost nothing.
    """

    def __init__(
        self, program: Program, views: np.ndarray, spans: np.ndarray, columns: np.ndarray, keyword: np.ndarray
    ):
        constants = (program.whole, program.wholes, program.reals)
        self.spans, self.columns, self.keyword = spans, columns, keyword
        self._kept = (program.questions, program.pool, *constants, views, spans, columns, keyword, *program.tables)
        self._addresses = np.array([*(array.ctypes.data for array in self._kept), len(keyword)], np.int64)
        self.address = int(self._addresses.ctypes.data)


QUESTIONS, POOL, WHOLE, WHOLES, REALS, VIEWS, SPANS, COLUMNS, KEYWORDS, HEADS, CLASSES, STEPS, ENDS, KEYWORDS_LENGTH = (
    range(14)
)


@kernel
def _of(tables: int, which: int) -> int:
    """One of the addresses."""
    found: int = longs_at(tables)[which]
    return found


@kernel
def _word(tables: int, place: int, word: int) -> int:
    """One word of a question."""
    found: int = offsets_at(_of(tables, QUESTIONS))[place * WORDS + word]
    return found


@kernel
def _view(tables: int, at: int, what: int) -> int:
    """One entry of a column's view."""
    found: int = longs_at(_of(tables, VIEWS))[at * WIDTH + what]
    return found


@kernel
def confirm(
    tables: int,
    entries: np.ndarray,
    bits: np.ndarray,
    codes: np.ndarray,
    allowed: np.ndarray,
    first: int,
    from_: int,
    out: np.ndarray,
) -> tuple[int, int]:
    """Evaluate every rule whose bit is set, from line `from_` of `bits`, whose line 0 is the row `first`.

    `allowed[codes[row]]` are the bits of the rules that are meant for the row's log source. Each hit is (row, rule,
    `YES`) in `out`, each condition that waits (row, rule, question). Returns how many there are, and the first line
    that was not looked at since `out` is full.
    """
    one = np.uint64(1)
    count = 0
    for line in range(from_, len(bits)):
        if count + len(entries) > len(out):
            return count, line
        code = codes[first + line]
        for word in range(bits.shape[1]):
            left = bits[line, word] & allowed[code, word]
            rule = word << 6
            while left:
                while left & np.uint64(0xFF) == np.uint64(0):
                    left >>= np.uint64(8)
                    rule += 8
                if left & one:
                    ended = run(tables, entries[rule], first + line)
                    if ended != NO:
                        out[count, 0], out[count, 1], out[count, 2] = first + line, rule, ended
                        count += 1
                left >>= one
                rule += 1
    return count, len(bits)


@kernel
def resume(tables: int, waiting: np.ndarray, answers: np.ndarray) -> None:
    """Go on with (row, rule, question) after the answer; the question becomes `YES`, `NO` or the next to wait for."""
    for at in range(len(waiting)):
        place = _word(tables, waiting[at, 2], ON_YES if answers[at] else ON_NO)
        waiting[at, 2] = run(tables, place, waiting[at, 0])


@kernel
def run(tables: int, place: int, row: int) -> int:
    """Where the condition ends for a row: `YES`, `NO`, or the question that must be asked outside."""
    while place >= 0:
        answer = _asked(tables, place, row)
        if answer == UNKNOWN:
            return place
        place = _word(tables, place, ON_YES if answer == 1 else ON_NO)
    return place


@kernel
def _asked(tables: int, place: int, row: int) -> int:
    field = _word(tables, place, FIELD_AT)
    if field == KEYWORD:
        return _of_event(tables, place, row)
    at = _column(tables, field, row)
    op = _word(tables, place, OP)
    if op == NULL:
        return 1 if at < 0 else 0
    if at < 0:
        return 0
    if op == EXISTS:
        return 1
    if op in (COMPARE, NUMBER):
        if _view(tables, at, KIND) != TEXT:
            return _number(tables, place, at, row)
        if op == COMPARE:
            return UNKNOWN
    elif op == FIELD:
        return _field(tables, place, at, row)
    return _text(tables, place, at, row)


@kernel
def _column(tables: int, field: int, row: int) -> int:
    """The column that holds a field in a row; -1 where all are null."""
    spans = offsets_at(_of(tables, SPANS))
    for place in range(spans[field], spans[field + 1]):
        at: int = offsets_at(_of(tables, COLUMNS))[place]
        if there(_view(tables, at, VALID), _view(tables, at, SHIFT), row):
            return at
    return -1


@kernel
def _of_event(tables: int, place: int, row: int) -> int:
    """A keyword: asked of the message, or where there is none of every text."""
    for which in range(_of(tables, KEYWORDS_LENGTH)):
        at = offsets_at(_of(tables, KEYWORDS))[which]
        if _view(tables, at, KIND) == ABSENT or not there(_view(tables, at, VALID), _view(tables, at, SHIFT), row):
            continue
        answer = _text(tables, place, at, row)
        if answer != 0 or which == 0:
            return answer
    return 0


@kernel
def _text(tables: int, place: int, at: int, row: int) -> int:
    op, case = _word(tables, place, OP), _word(tables, place, CASE)
    if op == ASK:
        return UNKNOWN
    folded = case == FOLDED
    text = bytes_at(_view(tables, at, FOLDED_DATA if folded else DATA))
    offsets = offsets_at(_view(tables, at, PLACES if folded else OFFSETS))
    begin, end = offsets[row], offsets[row + 1]
    pool, asked, length = bytes_at(_of(tables, POOL)), _word(tables, place, FROM), _word(tables, place, LENGTH)
    if op == INSIDE:
        return 1 if find(text, begin, end, pool, asked, length, case) >= 0 else 0
    if op == SUFFIX:
        return 1 if end - begin >= length and same(text, end - length, pool, asked, length, case) else 0
    if op == PREFIX:
        return 1 if end - begin >= length and same(text, begin, pool, asked, length, case) else 0
    if op in (EQUAL, NUMBER):
        return 1 if end - begin == length and same(text, begin, pool, asked, length, case) else 0
    if op == LIKE:
        return 1 if like(text, begin, end, pool, asked, asked + length, case) else 0
    if op == MATCH:
        heads, classes = longs_at(_of(tables, HEADS)), bytes_at(_of(tables, CLASSES))
        steps, ends = offsets_at(_of(tables, STEPS)), bytes_at(_of(tables, ENDS))
        return holds(text, begin, end, _word(tables, place, EXTRA), heads, classes, steps, ends)
    if op == CIDR4:
        network = longs_at(_of(tables, WHOLES))[_word(tables, place, EXTRA)]
        address = _ipv4(text, begin, end)
        beyond = 32 - (network & 63)
        return 1 if address >= 0 and address >> beyond == (network >> 6) >> beyond else 0
    return 0


@kernel
def _ipv4(text: np.ndarray, begin: int, end: int) -> int:
    """The address written as four decimal numbers; -1 for anything else."""
    address, part, digits, parts = 0, 0, 0, 1
    for place in range(begin, end):
        byte = text[place]
        if byte == 46:
            if digits == 0 or parts == 4:
                return -1
            address, part, digits, parts = (address << 8) | part, 0, 0, parts + 1
        elif 48 <= byte <= 57:
            if digits > 0 and part == 0:
                return -1  # no leading zeros
            part, digits = part * 10 + (byte - 48), digits + 1
            if part > 255:
                return -1
        else:
            return -1
    return (address << 8) | part if parts == 4 and digits > 0 else -1


@kernel
def _number(tables: int, place: int, at: int, row: int) -> int:
    op, how, constant = _word(tables, place, OP), _word(tables, place, CASE), _word(tables, place, EXTRA)
    numbers = _view(tables, at, NUMBERS)
    is_int = _view(tables, at, KIND) == INT
    if is_int and bytes_at(_of(tables, WHOLE))[constant]:
        return _compared(op, how, longs_at(numbers)[row], longs_at(_of(tables, WHOLES))[constant])
    value = float(longs_at(numbers)[row]) if is_int else reals_at(numbers)[row]
    return _compared(op, how, value, reals_at(_of(tables, REALS))[constant])


@kernel
def _compared(op: int, how: int, value: float, asked: float) -> int:
    if op == NUMBER:
        answer = value == asked
    elif how == LT:
        answer = value < asked
    elif how == LTE:
        answer = value <= asked
    elif how == GT:
        answer = value > asked
    elif how == GTE:
        answer = value >= asked
    else:
        answer = value != asked
    return 1 if answer else 0


@kernel
def _field(tables: int, place: int, at: int, row: int) -> int:
    """Whether a value is another field's: as a whole, or at its end (1), its begin (2) or anywhere in it (3)."""
    other = _column(tables, _word(tables, place, EXTRA), row)
    if other < 0:
        return 0
    text, asked = bytes_at(_view(tables, at, FOLDED_DATA)), bytes_at(_view(tables, other, FOLDED_DATA))
    mine, theirs = offsets_at(_view(tables, at, PLACES)), offsets_at(_view(tables, other, PLACES))
    begin, end, first, last = mine[row], mine[row + 1], theirs[row], theirs[row + 1]
    length, size, how = last - first, end - begin, _word(tables, place, CASE)
    if length > size or (how == 0 and length != size):
        return 0
    begins = range(begin, end - length + 1)
    if how in (0, 2):
        begins = range(begin, begin + 1)
    elif how == 1:
        begins = range(end - length, end - length + 1)
    for start in begins:
        if _alike(text, start, asked, first, length):
            return 1
    return 0


@kernel
def _alike(text: np.ndarray, begin: int, other: np.ndarray, first: int, length: int) -> bool:
    for step in range(length):
        a, b = text[begin + step], other[first + step]
        if (a + 32 if 65 <= a <= 90 else a) != (b + 32 if 65 <= b <= 90 else b):
            return False
    return True
