"""The whole exchange on one machine: five sites, invented records, one board pack."""
