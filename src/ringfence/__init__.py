"""Ringfence: the security control plane of a GPU cluster. The rooms are described in docs/design/."""

__version__ = "0.1.0"
