"""Who may connect to whom under Kubernetes policies: manifests or in-memory objects in, flows out. No I/O.

Resources ─▶ `world` (workloads, networks, address ranges) ─▶ `layers` (policies) ─▶ `allowed` ─▶ flows per network

The one call is `allowed.allowed(Resources(...))`.
"""
