"""Arrow buffers read by address inside compiled loops, and what one column of a batch looks like to them.

A batch has as many columns as its events have fields; compiled code takes them as one table of addresses. Whoever
makes the table keeps the arrays (`View.kept`) as long as the addresses are used.
"""

from collections.abc import Callable
from typing import Any, cast

import msgspec
import numba
import numba.extending
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ringfence.analyse.reach.jit import kernel
from ringfence.errors import InputError
from ringfence.watch.sigma.fold import fold_column

ABSENT, TEXT, INT, REAL = 0, 1, 2, 3
KIND, VALID, SHIFT, DATA, OFFSETS, FOLDED, PLACES, NUMBERS, WIDTH = range(9)
"""Columns of the table of views: kind, validity bits and the first row's bit, bytes and offsets as they are, the same
with letter case folded, numbers."""


def _pointer(context: Any, address: Any) -> Any:
    from numba.core import cgutils, types

    def made(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), made


_at = cast(Callable[[int], Any], numba.extending.intrinsic(_pointer))
_numba: Any = numba
_MOST = 1 << 40


@kernel
def bytes_at(address: int) -> np.ndarray:
    """The bytes from an address."""
    found: np.ndarray = _numba.carray(_at(address), (_MOST,), np.uint8)
    return found


@kernel
def offsets_at(address: int) -> np.ndarray:
    """The 32-bit numbers from an address."""
    found: np.ndarray = _numba.carray(_at(address), (_MOST,), np.int32)
    return found


@kernel
def longs_at(address: int) -> np.ndarray:
    """The 64-bit numbers from an address."""
    found: np.ndarray = _numba.carray(_at(address), (_MOST,), np.int64)
    return found


@kernel
def reals_at(address: int) -> np.ndarray:
    """The 64-bit floating-point numbers from an address."""
    found: np.ndarray = _numba.carray(_at(address), (_MOST,), np.float64)
    return found


@kernel
def there(valid: int, shift: int, row: int) -> bool:
    """Whether a row is not null."""
    if valid == 0:
        return True
    bit = shift + row
    return bool((bytes_at(valid)[bit >> 3] >> (bit & 7)) & 1)


class View(msgspec.Struct):
    """One column as compiled code sees it: `row` is its line of the table, the rest keeps the memory."""

    row: list[int]
    texts: pa.Array | None
    data: np.ndarray
    offsets: np.ndarray
    kept: tuple[Any, ...]


def view(array: pa.Array, name: str, as_text: bool) -> View:
    """The view of a column. Numbers get a text form too where `as_text`: whole ones as digits.

    Raises `InputError` for a type that no batch has.
    """
    kind = _kind(array.type, name)
    line = [0] * WIDTH
    line[KIND] = kind
    kept: list[Any] = [array]
    if kind == TEXT:
        array = array if array.type == pa.string() else pc.cast(array, pa.string())
        kept.append(array)
    else:
        array = pc.cast(array, pa.int64() if kind == INT else pa.float64())
        numbers = _buffer(array.buffers()[1], np.int64)
        line[NUMBERS] = numbers.ctypes.data + 8 * array.offset
        kept += [array, numbers]
    if array.null_count:
        valid = _buffer(array.buffers()[0], np.uint8)
        line[VALID], line[SHIFT] = valid.ctypes.data, array.offset
        kept.append(valid)
    if kind != TEXT and not as_text:
        return View(line, None, _EMPTY, np.zeros(1, np.int32), tuple(kept))
    texts = array if kind == TEXT else pc.cast(array, pa.string())
    data, offsets = _parts(texts)
    folded, places = data, offsets
    if len(data) and data[offsets[0] : offsets[-1]].view(np.int8).min(initial=0) < 0:
        folded, places = fold_column(data, offsets)
    kept += [texts, data, offsets, folded, places]
    line[DATA], line[OFFSETS] = data.ctypes.data, offsets.ctypes.data
    line[FOLDED], line[PLACES] = folded.ctypes.data, places.ctypes.data
    return View(line, texts, folded, places, tuple(kept))


_EMPTY = np.zeros(1, np.uint8)


def _kind(type_: pa.DataType, name: str) -> int:
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    if pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return TEXT
    if pa.types.is_integer(type_):
        return INT
    if pa.types.is_floating(type_):
        return REAL
    raise InputError(f"column {name} is of type {type_}", remedy="columns are texts or numbers")


def _buffer(buffer: pa.Buffer | None, type_: Any) -> np.ndarray:
    if buffer is None or not buffer.size:
        return np.zeros(1, type_)
    whole = buffer.size // np.dtype(type_).itemsize
    return np.frombuffer(buffer, type_, whole)


def _parts(array: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The bytes of a text column, and where each row begins, with the end of the last."""
    _, places, data = array.buffers()
    offsets = _buffer(places, np.int32)[array.offset : array.offset + len(array) + 1]
    return _buffer(data, np.uint8), offsets if len(array) else np.zeros(1, np.int32)
