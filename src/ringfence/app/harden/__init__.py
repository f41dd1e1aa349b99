"""Hardening, wired: a host's tree read, planned, changed and put back."""
