"""Telemetry of this machine, as it happens."""
