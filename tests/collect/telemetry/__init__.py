"""Telemetry of a machine."""
