"""Which markets exist, and the places of those somebody ever borrowed from.

Anybody may create markets, so one gets a place, and is read every block, only once it was borrowed from.
"""

from keeper.protocols.morpho_blue.params import MarketId, MarketParams


class Roster:
    """All markets and the places of some. Invariant: it only grows, and what it answered once it answers for ever."""

    __slots__ = ("params", "places")

    def __init__(self) -> None:
        self.params: dict[MarketId, MarketParams] = {}
        self.places: dict[MarketId, int] = {}

    def add(self, params: MarketParams) -> bool:
        """Add a market; False if it was known."""
        if params.id in self.params:
            return False

        self.params[params.id] = params
        return True

    def place(self, market: MarketId) -> bool:
        """Give a market the next place; False if it had one."""
        if market in self.places:
            return False

        self.places[market] = len(self.places)
        return True
