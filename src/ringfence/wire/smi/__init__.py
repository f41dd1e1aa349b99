"""What the vendors' own tools say about accelerators: nvidia-smi, amd-smi, rocm-smi."""
