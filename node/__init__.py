"""One provider's site: its records, its ledger, its policy, its door."""
