"""Readers for what one host says about itself: accounts, keys, SSH, sockets, devices, kernel."""
