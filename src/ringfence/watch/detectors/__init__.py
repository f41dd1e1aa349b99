"""The detectors: one a file, one line of registration here, one heading in `docs/detectors.md`, one test each."""

from ringfence.watch.detector import Detector
from ringfence.watch.detectors import (
    cable_moved,
    chassis_opened,
    controller_event,
    counter_side_channel,
    firmware_changed,
    gang_asymmetry,
    gpu_setting,
    gpu_without_job,
    manager_takeover,
    mining,
    nvlink_without_job,
    part_swapped,
    partition_tampered,
    phase_departure,
)

DETECTORS: tuple[Detector, ...] = (
    gang_asymmetry,
    phase_departure,
    mining,
    gpu_without_job,
    gpu_setting,
    nvlink_without_job,
    counter_side_channel,
    controller_event,
    firmware_changed,
    chassis_opened,
    part_swapped,
    cable_moved,
    partition_tampered,
    manager_takeover,
)
"""Every detector, in the order of their ids."""
