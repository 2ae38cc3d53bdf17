"""The liquidation as a call, and what its event says was moved: the same function and event in both releases.

Sources: IPool and ILendingPool, liquidationCall and the event LiquidationCall.
"""

from collections.abc import Sequence
from typing import Final

from keeper.errors import DecodeError
from keeper.protocols.aave.pair import pair_of
from keeper.protocols.calls import GuardedCall
from keeper.protocols.words import encode, indexed_address, topic, word
from keeper.types import Call, Log, Offer, Payment, Rejected, Settlement, TokenAmount, account_of

LIQUIDATION_CALL: Final = "liquidationCall(address,address,address,uint256,bool)"
LIQUIDATED: Final = topic("LiquidationCall(address,address,address,uint256,uint256,address,bool)")


def calls(offer: Offer, size: int, settlement: Settlement, market: object, inner: bytes) -> tuple[GuardedCall, ...]:
    """Build `liquidationCall` with the collateral itself as reward; the pool calls nobody back meanwhile."""
    del settlement, market
    if inner:
        raise ValueError("a liquidation makes no callback to run a program in")

    pair, key = pair_of(offer)
    data = encode(LIQUIDATION_CALL, offer.receive_token, offer.pay_token, account_of(key), size, 0)
    return (GuardedCall(Call(pair.pool, data)),)


def realised(offer: Offer, logs: Sequence[Log]) -> Settlement | Rejected:
    """Read what the pool says it moved for this position and pair; the first such event of the transaction."""
    pair, key = pair_of(offer)
    wanted = (offer.receive_token, offer.pay_token, account_of(key))
    for log in logs:
        if log.address != pair.pool or log.topics[:1] != (LIQUIDATED,):
            continue

        if len(log.topics) != 4:
            raise DecodeError("LiquidationCall with other topics than the protocol's", block=log.block_number)

        if tuple(indexed_address(log, i) for i in (1, 2, 3)) == wanted:
            repaid, received = word(log.data, 0), word(log.data, 1)
            payment = Payment(offer.pay_token, repaid, repaid, pair.pool)
            return Settlement((payment,), (TokenAmount(offer.receive_token, received),))

    return Rejected("no LiquidationCall event for this position and pair")
