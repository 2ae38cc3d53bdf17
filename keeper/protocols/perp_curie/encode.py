"""Between offers and bytes: the calls of one takeover, what its logs realised, and the permissions it needs.

The executor itself is the taker: it deposits what it borrowed, takes the position over, leaves it, makes sure that
nothing stayed behind, and withdraws everything. Source: ClearingHouse and Vault of Perp v2 (Curie) 2.8.4.
"""

from collections.abc import Sequence

from keeper.protocols.calls import EXECUTOR, Ensure, GuardedCall, Permission
from keeper.protocols.perp_curie import abi
from keeper.protocols.perp_curie.market import PerpCurieMarket
from keeper.protocols.perp_curie.offers import detail_of
from keeper.protocols.words import address_at, encode, indexed_address, selector, word
from keeper.types import Address, Call, Log, Offer, Payment, Rejected, Settlement, TokenAmount, account_of
from keeper.units import MAX_UINT256

FOREVER = MAX_UINT256
"""A deadline the executor's own is stricter than."""


def permissions(market: PerpCurieMarket) -> Sequence[Permission]:
    """List the calls of a takeover, and the one token the Vault pulls."""
    contracts = market.contracts
    house, vault = contracts.clearing_house, contracts.vault
    called = (abi.LIQUIDATE, abi.CLOSE_POSITION, abi.CANCEL_ALL_EXCESS_ORDERS)
    return [
        Permission(contracts.settlement_token, selector(abi.APPROVE), vault),
        Permission(vault, selector(abi.DEPOSIT), vault),
        Permission(vault, selector(abi.WITHDRAW_ALL)),
        *(Permission(house, selector(entry)) for entry in called),
    ]


def calls(
    offer: Offer, size: int, settlement: Settlement, market: PerpCurieMarket, inner: bytes
) -> tuple[GuardedCall, ...]:
    """Build the four calls; nothing is run in between, since the protocol calls nobody back."""
    del market, inner
    detail, key = detail_of(offer)
    token, margin = offer.pay_token, settlement.pays[0].at_most
    signed = size if detail.is_long else -size
    closing = (detail.base, 0, 0, FOREVER, 0)
    nothing_left = Ensure(detail.account_balance, encode(abi.GET_TOTAL_ABS_POSITION_VALUE, EXECUTOR), bound=1)
    return (
        GuardedCall(Call(detail.vault, encode(abi.DEPOSIT, token, margin))),
        GuardedCall(
            Call(
                detail.clearing_house,
                encode(abi.LIQUIDATE, account_of(key), detail.base, signed & MAX_UINT256),
            )
        ),
        GuardedCall(Call(detail.clearing_house, encode(abi.CLOSE_POSITION, *closing)), ensures=nothing_left),
        GuardedCall(Call(detail.vault, encode(abi.WITHDRAW_ALL, token))),
    )


def realised(offer: Offer, logs: Sequence[Log]) -> Settlement | Rejected:
    """Read what the first takeover of this account and market moved: the deposit before it, the withdrawal after."""
    detail, _ = detail_of(offer)
    for i, log in enumerate(logs):
        taker = _taker(log, offer)
        if taker is None:
            continue

        before = (_moved(one, abi.DEPOSITED, offer, taker) for one in reversed(logs[:i]))
        behind = (_moved(one, abi.WITHDRAWN, offer, taker) for one in logs[i + 1 :])
        deposited = next((amount for amount in before if amount is not None), 0)
        gain = next((amount for amount in behind if amount is not None), 0) - deposited
        payment = Payment(offer.pay_token, max(-gain, 0), deposited, detail.vault)
        return Settlement((payment,), (TokenAmount(offer.receive_token, max(gain, 0)),))

    return Rejected("no PositionLiquidated event for this account and market")


def _taker(log: Log, offer: Offer) -> Address | None:
    """Who took the offered position over by this log; None for any other."""
    detail, key = detail_of(offer)
    if log.address != detail.clearing_house or log.topics[:1] != (abi.POSITION_LIQUIDATED,):
        return None

    if (indexed_address(log, 1), indexed_address(log, 2)) != (account_of(key), detail.base):
        return None

    return address_at(log.data, 3)


def _moved(log: Log, event: bytes, offer: Offer, taker: Address) -> int | None:
    """What one log says the taker deposited or withdrew of the settlement token; None for any other."""
    detail, _ = detail_of(offer)
    if log.address != detail.vault or log.topics[:1] != (event,):
        return None

    is_theirs = (indexed_address(log, 1), indexed_address(log, 2)) == (offer.pay_token, taker)
    return word(log.data, 0) if is_theirs else None
