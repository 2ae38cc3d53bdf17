"""The referee: judges a keeper's run from the chain alone, and imports nothing of the keeper."""
