"""The markets just before a point inside a block: the parent's, and what the block's logs before that point changed.

Prices move by the answers of feeds where an oracle is known to follow them; any other price keeps its last value,
which is the most that can be known without reading.
"""

from collections.abc import Sequence

from keeper.protocols.morpho_blue import abi
from keeper.protocols.morpho_blue.fold import Fold
from keeper.protocols.morpho_blue.market import MorphoBlueMarket
from keeper.protocols.morpho_blue.math import Totals
from keeper.protocols.morpho_blue.params import MarketId
from keeper.protocols.words import signed
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

    market = market.with_borrowers(fold.borrowers).with_isolated(changed)
    for log in logs:
        if log.topics[:1] == (abi.ANSWER_UPDATED,) and len(log.topics) > 1:
            answer = signed(int.from_bytes(log.topics[1], "big"))
            market = market.with_isolated({i: one.told(log.address, answer) for i, one in market.isolated.items()})

    return market
