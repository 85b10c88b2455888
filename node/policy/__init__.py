"""What the site's privacy officers decide: drafts, signatures, and what to read."""
