"""Which markets and collaterals a deployment has, in the order they were met: each has a place for ever."""

from keeper.types import Address


class Roster:
    """Base tokens, their places and pools. Invariant: it only grows, and what it answered once it answers for ever."""

    __slots__ = ("places", "pools")

    def __init__(self) -> None:
        self.places: dict[Address, int] = {}
        self.pools: dict[Address, Address] = {}

    def add(self, base: Address, pool: Address) -> bool:
        """Add a market; False if it was known."""
        if base in self.places:
            return False

        self.places[base] = len(self.places)
        self.pools[base] = pool
        return True

    def place(self, token: Address) -> bool:
        """Give a collateral token a place; False if it had one."""
        if token in self.places:
            return False

        self.places[token] = len(self.places)
        return True
