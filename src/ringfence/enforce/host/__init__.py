"""Settings of one host, changed so that all can be undone: files, kernel values, permissions, what `nvidia-smi` holds.

`act` knows every kind of change; `kept` is what a receipt has of each.
"""
