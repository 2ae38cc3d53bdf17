"""Between offers and bytes: calls of the pool, what its logs realised, and the permissions an executor needs.

Sources: ILendingPool.liquidationCall and the event LiquidationCall.
"""

from collections.abc import Sequence

from keeper.errors import DecodeError
from keeper.protocols.aave_v2 import abi
from keeper.protocols.aave_v2.market import AaveV2Market
from keeper.protocols.aave_v2.pair import pair_of
from keeper.protocols.base import GuardedCall, Permission
from keeper.protocols.words import encode, indexed_address, selector, word
from keeper.types import Call, Log, Offer, Payment, Rejected, Settlement, TokenAmount, account_of


def permissions(market: AaveV2Market) -> Sequence[Permission]:
    """List the pool's two entries and the approval of every asset that may be owed."""
    entries = [Permission(market.pool, selector(entry)) for entry in (abi.LIQUIDATION_CALL, abi.FLASH_LOAN)]
    return [*entries, *(Permission(r.asset, selector(abi.APPROVE), market.pool) for r in market.reserves)]


def calls(
    offer: Offer, size: int, settlement: Settlement, market: AaveV2Market, inner: bytes
) -> tuple[GuardedCall, ...]:
    """Build `liquidationCall` with the collateral itself as reward; the pool calls nobody back meanwhile."""
    del settlement, market
    if inner:
        raise ValueError("a liquidation makes no callback to run a program in")

    pair, key = pair_of(offer)
    data = encode(abi.LIQUIDATION_CALL, offer.receive_token, offer.pay_token, account_of(key), size, 0)
    return (GuardedCall(Call(pair.pool, data)),)


def realised(offer: Offer, logs: Sequence[Log]) -> Settlement | Rejected:
    """Read what the pool says it moved for this position and pair; the first such event of the transaction."""
    pair, key = pair_of(offer)
    wanted = (offer.receive_token, offer.pay_token, account_of(key))
    for log in logs:
        if log.address != pair.pool or log.topics[:1] != (abi.LIQUIDATED,):
            continue

        if len(log.topics) != 4:
            raise DecodeError("LiquidationCall with other topics than the protocol's", block=log.block_number)

        if tuple(indexed_address(log, i) for i in (1, 2, 3)) == wanted:
            repaid, received = word(log.data, 0), word(log.data, 1)
            payment = Payment(offer.pay_token, repaid, repaid, pair.pool)
            return Settlement((payment,), (TokenAmount(offer.receive_token, received),))

    return Rejected("no LiquidationCall event for this position and pair")
