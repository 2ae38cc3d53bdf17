"""Between offers and bytes: calls of Morpho, what its logs realised, and the permissions an executor needs.

Sources: IMorpho.liquidate, IMorphoLiquidateCallback and the event Liquidate.
"""

from collections.abc import Sequence

from keeper.errors import DecodeError
from keeper.protocols.base import Callback, GuardedCall, Permission
from keeper.protocols.morpho_blue import abi
from keeper.protocols.morpho_blue.market import MorphoBlueMarket
from keeper.protocols.morpho_blue.offers import detail_of
from keeper.protocols.words import WORD, indexed_address, selector, word
from keeper.types import Call, Log, Offer, Payment, Rejected, Settlement, TokenAmount, account_of
from keeper.units import MAX_UINT256

_HEAD_WORDS = 9  # five of the parameters, borrower, seized, shares, and where the callback's data begins


def permissions(market: MorphoBlueMarket) -> Sequence[Permission]:
    """List Morpho's two entries, both of which pull what they are paid.

    No token is named: anybody may make a market of any two, and which of them are worth holding, and worth selling
    in a pool, is the operator's to say.
    """
    morpho = market.morpho
    return [Permission(morpho, selector(entry), morpho) for entry in (abi.LIQUIDATE, abi.FLASH_LOAN)]


def calls(
    offer: Offer, size: int, settlement: Settlement, market: MorphoBlueMarket, inner: bytes
) -> tuple[GuardedCall, ...]:
    """Build `liquidate`; with a program to run, Morpho calls back between sending collateral and pulling payment."""
    del settlement, market
    detail, key = detail_of(offer)
    seized, shares = (0, detail.borrow_shares) if size == MAX_UINT256 else (size, 0)
    numbers = (seized, shares, _HEAD_WORDS * WORD, len(inner))
    data = (
        selector(abi.LIQUIDATE)
        + detail.params.encoded
        + account_of(key).rjust(WORD, b"\0")
        + b"".join(n.to_bytes(WORD, "big") for n in numbers)
        + inner
        + bytes(-len(inner) % WORD)
    )
    callback = Callback(detail.morpho, selector(abi.ON_MORPHO_LIQUIDATE), 1, inner) if inner else None
    return (GuardedCall(Call(detail.morpho, data), callback),)


def realised(offer: Offer, logs: Sequence[Log]) -> Settlement | Rejected:
    """Read what Morpho says it moved for this borrower and market; the first such event of the transaction."""
    detail, key = detail_of(offer)
    for log in logs:
        if log.address != detail.morpho or log.topics[:1] != (abi.LIQUIDATED,):
            continue

        if len(log.topics) != 4:
            raise DecodeError("Liquidate with other topics than the protocol's", block=log.block_number)

        if log.topics[1] == detail.params.id and indexed_address(log, 3) == account_of(key):
            repaid, seized = word(log.data, 0), word(log.data, 2)
            payment = Payment(offer.pay_token, repaid, repaid, detail.morpho)
            return Settlement((payment,), (TokenAmount(offer.receive_token, seized),))

    return Rejected("no Liquidate event for this market and borrower")
