"""Between offers and bytes: calls of cTokens, what their logs realised, and the permissions an executor needs.

A native market is paid with the value of a call and pays the native asset: the wrapped token is unwrapped before and
wrapped after. Sources: CErc20, CEther and Liquidator; the events LiquidateBorrow, Redeem and Failure.
"""

from collections.abc import Iterator, Sequence

from keeper.errors import DecodeError
from keeper.protocols.calls import Gain, GuardedCall, Permission
from keeper.protocols.compound_v2 import abi
from keeper.protocols.compound_v2.ctoken import CToken
from keeper.protocols.compound_v2.errors import failure
from keeper.protocols.compound_v2.market import CompoundV2Market
from keeper.protocols.compound_v2.pair import SeizePair, pair_of
from keeper.protocols.words import address_at, encode, selector, word
from keeper.types import ZERO_ADDRESS, Call, Log, Offer, Payment, Rejected, Settlement, TokenAmount, account_of

_REDEEM_ARGUMENT = 4


def permissions(market: CompoundV2Market) -> Sequence[Permission]:
    """List what every market that can be used is called for, and the approval of every token that may be owed."""
    usable = [token for token in market.tokens if not token.trouble]
    liquidator = market.contracts.liquidator
    found = [permission for token in usable for permission in _permissions_of(token, market)]
    if liquidator is not None:
        payable = any(token.listing.native for token in usable)
        found.append(Permission(liquidator, selector(abi.LIQUIDATE_THROUGH), payable=payable))

    return tuple(dict.fromkeys(found))


def _permissions_of(token: CToken, market: CompoundV2Market) -> Iterator[Permission]:
    listing, liquidator = token.listing, market.contracts.liquidator
    yield Permission(listing.token, selector(abi.REDEEM))
    if listing.native:
        yield Permission(listing.underlying, selector(abi.WITHDRAW))
        yield Permission(listing.underlying, selector(abi.DEPOSIT), payable=True)
        if liquidator is None:
            yield Permission(listing.token, selector(abi.LIQUIDATE_NATIVE), payable=True)

        return

    if liquidator is None:
        yield Permission(listing.token, selector(abi.LIQUIDATE))

    yield Permission(listing.underlying, selector(abi.APPROVE), liquidator or listing.token)


def calls(
    offer: Offer, size: int, settlement: Settlement, market: CompoundV2Market, inner: bytes
) -> tuple[GuardedCall, ...]:
    """Liquidate and redeem whatever was seized: how many cTokens that is, only the landing block knows."""
    del settlement
    if inner:
        raise ValueError("a liquidation makes no callback to run a program in")

    pair, _ = pair_of(offer)
    debt, collateral = market.tokens[pair.debt].listing, market.tokens[pair.collateral].listing
    steps = [GuardedCall(_liquidate(offer, size, market))]
    if debt.native:
        steps.insert(0, GuardedCall(Call(debt.underlying, encode(abi.WITHDRAW, size))))

    redeem = Call(pair.collateral_token, encode(abi.REDEEM, 0))
    steps.append(GuardedCall(redeem, gains=(Gain(pair.collateral_token, _REDEEM_ARGUMENT),)))
    if collateral.native:
        wrap = Call(collateral.underlying, encode(abi.DEPOSIT))
        steps.append(GuardedCall(wrap, gains=(Gain(ZERO_ADDRESS, None),)))

    return tuple(steps)


def _liquidate(offer: Offer, size: int, market: CompoundV2Market) -> Call:
    pair, key = pair_of(offer)
    borrower, native = account_of(key), market.tokens[pair.debt].listing.native
    value_wei = size if native else 0
    if market.contracts.liquidator is not None:
        data = encode(abi.LIQUIDATE_THROUGH, pair.debt_token, borrower, size, pair.collateral_token)
    elif native:
        data = encode(abi.LIQUIDATE_NATIVE, borrower, pair.collateral_token)
    else:
        data = encode(abi.LIQUIDATE, borrower, size, pair.collateral_token)

    return Call(pair.payee, data, value_wei)


# What happened -----------------------------------------------------------------------------------------------------


def realised(offer: Offer, logs: Sequence[Log]) -> Settlement | Rejected:
    """Read what the markets say they moved: the liquidation of this pair, and the first redemption after it.

    A market that rejects does not revert: without its event nothing was liquidated, whatever the status says.
    """
    pair, _ = pair_of(offer)
    at = next((i for i, log in enumerate(logs) if _is_ours(log, offer)), None)
    if at is None:
        return Rejected(_why(pair, logs) or "no LiquidateBorrow event for this position and pair")

    redeemed = next((log for log in logs[at:] if _is_kind(log, pair.collateral_token, abi.REDEEMED)), None)
    if redeemed is None:
        return Rejected(_why(pair, logs[at:]) or "no Redeem event for what was seized")

    repaid = word(logs[at].data, 2)
    return Settlement(
        (Payment(offer.pay_token, repaid, repaid, pair.payee),),
        (TokenAmount(offer.receive_token, word(redeemed.data, 1)),),
    )


def _is_kind(log: Log, emitter: bytes, kind: bytes) -> bool:
    return log.address == emitter and log.topics[:1] == (kind,)


def _is_ours(log: Log, offer: Offer) -> bool:
    """Whether a log says that this position was liquidated by this pair; no argument of it is indexed."""
    pair, key = pair_of(offer)
    if not _is_kind(log, pair.debt_token, abi.LIQUIDATED):
        return False

    if len(log.data) != 5 * 32:
        raise DecodeError("LiquidateBorrow with another shape than the protocol's", block=log.block_number)

    return (address_at(log.data, 1), address_at(log.data, 3)) == (account_of(key), pair.collateral_token)


def _why(pair: SeizePair, logs: Sequence[Log]) -> str:
    """Name the first failure one of the two markets wrote down, empty where there is none."""
    for log in logs:
        if log.address in (pair.debt_token, pair.collateral_token) and log.topics[:1] == (abi.FAILURE,):
            return failure(*(word(log.data, i) for i in range(3)))

    return ""
