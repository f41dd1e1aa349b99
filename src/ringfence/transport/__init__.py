"""Bytes between processes: orders to enforcers over mutual TLS."""
