"""What Slurm writes: slurmrestd and command JSON, `scontrol` text, its configuration, accounting."""
