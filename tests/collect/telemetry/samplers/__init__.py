"""Every sampler against the real kernel where it is to be had."""
