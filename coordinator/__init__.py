"""Ask the sites, keep what they released, and tell the board what it means."""
