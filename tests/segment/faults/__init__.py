"""Seeded faults of the writers: one table per target, and the register of all of them."""
