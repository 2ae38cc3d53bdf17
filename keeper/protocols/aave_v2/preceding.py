"""The market just before a point inside a block: the parent's, and what the block's logs before that point changed.

Prices move by the answers of direct feeds; a source that was replaced inside the block keeps its last price, which
is the most that can be known without reading.
"""

from collections.abc import Sequence
from dataclasses import replace

from keeper.protocols.aave_v2 import abi
from keeper.protocols.aave_v2.fold import Fold
from keeper.protocols.aave_v2.market import AaveV2Market
from keeper.protocols.aave_v2.reserve import Reserve
from keeper.protocols.words import indexed_address, signed, word
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
            place = market.roster.places.get(indexed_address(log, 1))
            if place is not None:
                reserves[place] = _touched(reserves[place], log, target.timestamp)
        elif log.address == market.pool and kind in (abi.POOL_PAUSED, abi.POOL_UNPAUSED):
            paused = kind == abi.POOL_PAUSED

    market = market.with_accounts(fold.changes).with_reserves(reserves).with_prices(prices)
    return replace(market, paused=paused)


def _touched(reserve: Reserve, log: Log, timestamp: int) -> Reserve:
    """Take a reserve's indices and rates from its own event, which tells them as of the block's time."""
    liquidity_index, borrow_index = word(log.data, 3), word(log.data, 4)
    return replace(
        reserve,
        liquidity_rate=word(log.data, 0),
        borrow_rate=word(log.data, 2),
        liquidity_index=liquidity_index,
        borrow_index=borrow_index,
        income=liquidity_index,
        debt_index=borrow_index,
        last_update=timestamp,
    )
