"""The threats: one file each, one line here each."""

from ringfence.assess.threat import Threat
from ringfence.assess.threats import (
    backdoored_base,
    checkpoint_tampering,
    cloud_role,
    collective_manipulation,
    cross_compartment,
    data_poisoning,
    escape,
    fabric_takeover,
    firmware,
    hardware_supply_chain,
    hijacked_compute,
    insider,
    lateral_movement,
    memory_across_tenants,
    physical,
    poisoned_image,
    sabotage,
    scheduler_abuse,
    side_channel,
    silenced_telemetry,
    slow_theft,
    stolen_credential,
    theft_at_rest,
    theft_in_memory,
)

THREATS: tuple[Threat, ...] = (
    data_poisoning.THREAT,
    theft_at_rest.THREAT,
    theft_in_memory.THREAT,
    slow_theft.THREAT,
    checkpoint_tampering.THREAT,
    collective_manipulation.THREAT,
    backdoored_base.THREAT,
    poisoned_image.THREAT,
    side_channel.THREAT,
    memory_across_tenants.THREAT,
    hardware_supply_chain.THREAT,
    firmware.THREAT,
    physical.THREAT,
    scheduler_abuse.THREAT,
    hijacked_compute.THREAT,
    insider.THREAT,
    cloud_role.THREAT,
    stolen_credential.THREAT,
    lateral_movement.THREAT,
    cross_compartment.THREAT,
    fabric_takeover.THREAT,
    silenced_telemetry.THREAT,
    escape.THREAT,
    sabotage.THREAT,
)

THREAT: dict[str, Threat] = {threat.id: threat for threat in THREATS}
"""By id."""
