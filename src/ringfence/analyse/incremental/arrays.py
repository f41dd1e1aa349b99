"""Arrays that grow at the end."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_T = TypeVar("_T", bound=np.generic)


def roomy(array: NDArray[_T], needed: int, fill: int = 0) -> NDArray[_T]:
    """`array`, or a copy half as long again if it has fewer than `needed` rows; new rows hold `fill`."""
    if needed <= len(array):
        return array
    shape = (needed + needed // 2 + 1_024, *array.shape[1:])
    longer = np.full(shape, fill, array.dtype) if fill else np.zeros(shape, array.dtype)  # zeros take no pages yet
    longer[: len(array)] = array
    return longer
