"""Benches: `python -m bench.<name> --json`. Never timed inside a test; each prints ratios to peers of the same run."""
