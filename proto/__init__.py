"""Hold what both ends of the wire must agree on, and nothing else."""
