"""The site's own records: what a query is read from, and nothing else."""
