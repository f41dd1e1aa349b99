"""Kubernetes manifests as far as they decide who may connect to whom. Pure; no I/O.

bytes ─▶ `read` ─▶ documents ─▶ `shapes` (as written) ─▶ `values` (as meant)
"""
