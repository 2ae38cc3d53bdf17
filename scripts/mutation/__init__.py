"""A small mutation runner: every rounding, comparison, constant and sign of a module flipped, one at a time."""
