"""Margin calls: where a position stands, what would make it fall, and what would cure it. Pure, no protocol by name."""
