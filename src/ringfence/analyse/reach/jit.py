"""How the hot loops are compiled: once, lazily, cached beside the source or in the user's cache."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

_P = ParamSpec("_P")
_R = TypeVar("_R")


def kernel(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Compile `function` at its first call. Kernels take and give arrays and whole numbers only."""
    try:
        compiled = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # nowhere to write a cache: compile again in every process
        compiled = numba.njit(nogil=True)(function)
    return cast(Callable[_P, _R], compiled)
