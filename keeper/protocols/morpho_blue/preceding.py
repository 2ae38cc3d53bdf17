"""The markets just before a point inside a block: the parent's, and what the block's logs before that point changed.

A price that moved inside the block keeps its last value, which is the most that can be known without reading.
"""

from collections.abc import Sequence

from keeper.protocols.morpho_blue.fold import Fold
from keeper.protocols.morpho_blue.market import MorphoBlueMarket
from keeper.protocols.morpho_blue.math import Totals
from keeper.protocols.morpho_blue.params import MarketId
from keeper.types import BlockTarget, Log


def preceding(parent: MorphoBlueMarket, logs: Sequence[Log], target: BlockTarget) -> MorphoBlueMarket:
    """Overlay logs on the parent's market; touches nothing else."""

    def find(market: MarketId) -> Totals | None:
        isolated = parent.isolated.get(market)
        return None if isolated is None else isolated.stored

    market = parent.at(target)
    fold = Fold(market.morpho, find, market.borrower)
    fold.apply(logs)
    changed = {}
    for i, totals in fold.totals.items():
        isolated = market.isolated.get(i)
        if isolated is not None:
            dated = fold.dated(i, totals, target.timestamp)
            changed[i] = isolated.with_stored(dated, target.timestamp)

    return market.with_borrowers(fold.borrowers).with_isolated(changed)
