"""Who is joined by NVLink: nvidia-smi tables, fabric manager, NMX-M, NetQ, NCCL, IMEX."""
