"""The durable record: plans, declines, transactions, outcomes and the saved state of the book."""
