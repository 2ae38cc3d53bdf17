"""Between offers and bytes: calls of Morpho, what its logs realised, and the permissions an executor needs.

Sources: IMorpho.liquidate, IMorphoLiquidateCallback and the event Liquidate; IPreLiquidation.preLiquidate,
IPreLiquidationCallback and the event PreLiquidate, which have the same shape.
"""

from collections.abc import Sequence
from typing import Final

from keeper.errors import DecodeError
from keeper.protocols.calls import Callback, GuardedCall, Permission
from keeper.protocols.morpho_blue import abi
from keeper.protocols.morpho_blue.market import MorphoBlueMarket
from keeper.protocols.morpho_blue.offers import detail_of
from keeper.protocols.morpho_blue.params import market_of
from keeper.protocols.morpho_blue.pre_offers import PreSeizure
from keeper.protocols.words import WORD, indexed_address, selector, word
from keeper.types import Call, Log, Offer, Payment, Rejected, Settlement, TokenAmount, account_of
from keeper.units import MAX_UINT256

_HEAD_BYTES: Final = 4 * WORD
"""After the parameters: borrower, seized, shares, and where the callback's data begins."""


def permissions(market: MorphoBlueMarket) -> Sequence[Permission]:
    """List Morpho's two entries and that of each pre-liquidation contract in use; all pull what they are paid.

    No token is named: anybody may make a market of any two, and which of them are worth holding, and worth selling
    in a pool, is the operator's to say.
    """
    morpho = market.morpho
    own = [Permission(morpho, selector(entry), morpho) for entry in (abi.LIQUIDATE, abi.FLASH_LOAN)]
    early = sorted({terms.contract for found in market.opted.values() for terms in found})
    return [*own, *(Permission(contract, selector(abi.PRE_LIQUIDATE), contract) for contract in early)]


def calls(
    offer: Offer, size: int, settlement: Settlement, market: MorphoBlueMarket, inner: bytes
) -> tuple[GuardedCall, ...]:
    """Build the liquidation; a program to run is called back for between sending collateral and pulling payment."""
    del settlement, market
    detail, key = detail_of(offer)
    if isinstance(detail, PreSeizure):
        contract, entry, called_back, params = detail.terms.contract, abi.PRE_LIQUIDATE, abi.ON_PRE_LIQUIDATE, b""
    else:
        contract, entry, called_back = detail.morpho, abi.LIQUIDATE, abi.ON_MORPHO_LIQUIDATE
        params = detail.params.encoded

    seized, shares = (0, detail.borrow_shares) if size == MAX_UINT256 else (size, 0)
    numbers = (seized, shares, len(params) + _HEAD_BYTES, len(inner))
    data = (
        selector(entry)
        + params
        + account_of(key).rjust(WORD, b"\0")
        + b"".join(n.to_bytes(WORD, "big") for n in numbers)
        + inner
        + bytes(-len(inner) % WORD)
    )
    callback = Callback(selector(called_back), 1, inner) if inner else None
    return (GuardedCall(Call(contract, data), callback),)


def realised(offer: Offer, logs: Sequence[Log]) -> Settlement | Rejected:
    """Read what the contract says it moved for this borrower and market; the first such event of the transaction."""
    detail, key = detail_of(offer)
    if isinstance(detail, PreSeizure):
        emitter, topic, name = detail.terms.contract, abi.PRE_LIQUIDATED, "PreLiquidate"
    else:
        emitter, topic, name = detail.morpho, abi.LIQUIDATED, "Liquidate"

    for log in logs:
        if log.address != emitter or log.topics[:1] != (topic,):
            continue

        if len(log.topics) != 4:
            raise DecodeError(f"{name} with other topics than the protocol's", block=log.block_number)

        if log.topics[1] == market_of(key) and indexed_address(log, 3) == account_of(key):
            repaid, seized = word(log.data, 0), word(log.data, 2)
            payment = Payment(offer.pay_token, repaid, repaid, emitter)
            return Settlement((payment,), (TokenAmount(offer.receive_token, seized),))

    return Rejected(f"no {name} event for this market and borrower")
