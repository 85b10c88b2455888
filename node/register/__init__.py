"""Who is counted where: written once when a period closes, and never changed."""
