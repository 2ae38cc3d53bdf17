"""Reference prices and their age: what an amount is worth in native wei, or why that is unknown."""
