"""The words of events."""
