"""Evidence for an auditor, and the check of it, which needs nothing else."""
