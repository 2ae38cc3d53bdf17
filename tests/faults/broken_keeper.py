"""The keeper with one rounding wrong: debts as the pool shows them, rounded down where the pool rounds up.

Run in the keeper's place by `test_referee_catches.py`.
"""

from keeper.cli import main
from keeper.protocols.aave_v3 import math
from keeper.units import RAY


def debt_balance(scaled, index, _rules):
    """Round down."""
    return scaled * index // RAY


math.debt_balance = debt_balance

if __name__ == "__main__":
    main()
