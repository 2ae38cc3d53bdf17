"""Where a cure is tried on the real contracts: one clinic per adapter, each on that adapter's laboratory.

A clinic draws a position between liquidation and a margin call, makes the deposit or the repayment on the chain, and
works the health out of what the chain then says of itself: nothing of the adapter's arithmetic is used for that.
"""

from keeper.margin.cure import Patient
from keeper.sandbox.artifact import signature


def words(data):
    return tuple(int.from_bytes(data[i : i + 32], "big") for i in range(0, len(data), 32))


class Clinic:
    """What all have in common: most labs live on the scene's chain, which somebody else closes."""

    def __init__(self, lab):
        self.lab = lab

    def close(self):
        """Leave nothing open."""


def patient_of(adapter, key, market):
    return Patient(adapter, key, market)


def encoded(name, arguments):
    return signature(name).encode(*arguments)
