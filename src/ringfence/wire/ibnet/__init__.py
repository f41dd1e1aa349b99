"""Readers of what InfiniBand and RoCE tools write: topology, partition keys, subnet manager, switches."""
