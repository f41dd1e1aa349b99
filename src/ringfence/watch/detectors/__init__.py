"""The detectors: one a file, one line of registration here, one heading in `docs/detectors.md`, one test each."""

from ringfence.watch.detector import Detector

DETECTORS: tuple[Detector, ...] = ()
"""Every detector, in the order of their ids."""
