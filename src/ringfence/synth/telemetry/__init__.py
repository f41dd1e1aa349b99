"""Seeded telemetry of a generated cluster over days: fast, in columns, the same whoever generates which hosts.

draw ──▶ Cluster ──world──▶ World ──chunks(BENIGN)──▶ a record batch a minute

Stories are the rows of which there are few; attacks are stories too.
"""

from ringfence.synth.telemetry import jobs, machines, people, upkeep
from ringfence.synth.telemetry.chunks import Story, chunks
from ringfence.synth.telemetry.operations import world
from ringfence.synth.telemetry.world import World

BENIGN: tuple[Story, ...] = (jobs.stories, people.stories, machines.stories, upkeep.stories)
"""What happens on days without an attack."""

__all__ = ["BENIGN", "Story", "World", "chunks", "world"]
