"""What is wrong, what of it matters, and whether it grows faster than compute: read from facts, changing nothing."""
