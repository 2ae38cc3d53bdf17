"""The market just before a point inside a block: the parent's, and what the block's logs before that point changed.

Prices move by the answers of direct feeds; a source that was replaced inside the block keeps its last price, which
is the most that can be known without reading.
"""

from collections.abc import Sequence
from dataclasses import replace

from keeper.protocols.aave.reserve import as_told
from keeper.protocols.aave_v2 import abi
from keeper.protocols.aave_v2.fold import Fold
from keeper.protocols.aave_v2.market import AaveV2Market
from keeper.protocols.words import indexed_address, signed
from keeper.types import Address, BlockTarget, Log


def preceding(parent: AaveV2Market, logs: Sequence[Log], target: BlockTarget) -> AaveV2Market:
    """Overlay logs on the parent's market; touches nothing else."""
    market = parent.at(target)
    fold = Fold(market.roster, market.pool, market.account, target.timestamp)
    fold.apply(logs)
    prices: dict[Address, int] = {}
    reserves = dict(enumerate(market.reserves))
    paused = market.paused
    for log in logs:
        kind = log.topics[0] if log.topics else b""
        if kind == abi.ANSWER_UPDATED and len(log.topics) > 1:
            answer = signed(int.from_bytes(log.topics[1], "big"))
            prices |= {r.asset: answer for r in market.reserves if log.address in r.feeds}
        elif log.address == market.pool and kind == abi.RESERVE_DATA_UPDATED:
            for place in market.roster.places.get(indexed_address(log, 1), ()):
                reserves[place] = as_told(reserves[place], log, target.timestamp)
        elif log.address == market.pool and kind in (abi.POOL_PAUSED, abi.POOL_UNPAUSED):
            paused = kind == abi.POOL_PAUSED

    market = market.with_accounts(fold.changes).with_reserves(reserves).with_prices(prices)
    return replace(market, paused=paused)
