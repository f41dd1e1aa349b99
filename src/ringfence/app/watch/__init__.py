"""Watching: telemetry in, incidents out, and the pages about it."""
