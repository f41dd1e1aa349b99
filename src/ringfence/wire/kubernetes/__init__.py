"""Kubernetes objects as values: manifests and `kubectl get -o json` dumps. Pure; no I/O."""
