"""The state of attestation of this machine: unknown, said aloud, so that nobody takes silence for a yes."""

from collections.abc import Iterator

from ringfence.collect.telemetry.samplers.base import SAMPLED, About
from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.wire.ocsf.classes import CONFIG_STATE
from ringfence.wire.ocsf.event import Event

COLLECT = 2


class Attestation:
    """Nothing measures this machine yet."""

    about = About(
        "attestation",
        "whether the machine's boot, firmware and accelerators are attested",
        SAMPLED,
        "nothing",
        "nothing is verified here: the state is unknown",
    )
    every = 600.0
    slow = False

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def open(self) -> None:
        """Nothing to ask for."""

    def look(self) -> Iterator[Event]:
        """`unknown`."""
        fields = {"unmapped.attestation.state": "unknown", "message": "attestation state: unknown"}
        yield self._machine.event(CONFIG_STATE, COLLECT, fields)

    def lost(self) -> int:
        """None."""
        return 0

    def close(self) -> None:
        """Nothing is open."""
