"""How far each rank is from the middle of its gang."""

import numpy as np

from ringfence.watch.gang.features import COUNT, FEATURES, SHARE

_FORMS = np.array([feature.form for feature in FEATURES])
_FLOOR = np.array([max(feature.floor, 1.0) for feature in FEATURES])
_SPREAD = np.array([feature.spread for feature in FEATURES])
_FAR = 3.0
"""Robust deviations beyond which a value is drawn in."""
_MAD = 1.4826
"""Turns a median of absolute deviations into the standard deviation of a normal distribution."""


def differences(values: np.ndarray, intervals: float) -> np.ndarray:
    """Ranks by features: how each rank's mean differs from the median rank's, in the feature's own form.

    `values` are means per interval, `intervals` how many each was taken of (counts need it).
    """
    middle = np.median(values, axis=0)
    share = (values - middle) / np.maximum(middle, _FLOOR)
    rate = np.log((values + _FLOOR) / (middle + _FLOOR))
    counted = 2 * (np.sqrt(values * intervals + 0.375) - np.sqrt(middle * intervals + 0.375))
    found: np.ndarray = np.where(_FORMS == SHARE, share, np.where(_FORMS == COUNT, counted, rate))
    return found


def spread(differing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The middle of the differences, and what one deviation is for each feature in this gang.

    Mean and standard deviation, after what is far out was drawn in: a median alone is off where values are skewed.
    """
    wide = np.maximum(_MAD * np.median(np.abs(differing), axis=0), _SPREAD)
    drawn = np.clip(differing, -_FAR * wide, _FAR * wide)
    return drawn.mean(axis=0), np.maximum(drawn.std(axis=0), _SPREAD)
