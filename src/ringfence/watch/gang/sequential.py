"""Small deviations that persist: sequential likelihood ratio tests, for each rank and feature (Page's CUSUM).

The score grows by the logarithm of how much better "this rank is off by so many deviations" explains a window than
"it is as the others", and never falls below nothing. One test looks for what is large, one for what is small and long.
A single window counts only so many deviations of each feature, so that one burst is not enough.
"""

import numpy as np

from ringfence.watch.gang.features import FEATURES

SHIFTS = np.array([2.0, 0.7])
"""Deviations that the fast and the slow test look for."""
TOLD = 18.0
"""The score at which a rank is told: a rank as it should be comes here about once in e^18 windows."""
CEILING = 1.5 * TOLD
"""The score does not grow further, so that it falls soon after the end."""

_MOST = np.array([feature.most for feature in FEATURES])


def scored(score: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    """The scores after one more window: speeds by sides by ranks by features, from sides by ranks by features."""
    off = np.clip(deviations, -_MOST, _MOST)[None]
    shifts = SHIFTS[:, None, None, None]
    found: np.ndarray = np.clip(score + shifts * off - shifts * shifts / 2, 0.0, CEILING)
    return found
