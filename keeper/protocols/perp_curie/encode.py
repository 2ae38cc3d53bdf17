"""Between offers and bytes: the calls of one takeover, what its logs realised, and the permissions it needs.

The executor itself is the taker: it deposits what it borrowed, takes the position over, leaves it, makes sure that
nothing stayed behind, and withdraws everything. Source: ClearingHouse and Vault of Perp v2 (Curie) 2.8.4.
"""

from collections.abc import Sequence

from keeper.protocols.base import Ensure, GuardedCall, Permission
from keeper.protocols.perp_curie import abi
from keeper.protocols.perp_curie.market import PerpCurieMarket
from keeper.protocols.perp_curie.offers import detail_of
from keeper.protocols.words import encode, indexed_address, selector, word
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
    nothing_left = Ensure(detail.account_balance, selector(abi.GET_TOTAL_ABS_POSITION_VALUE), below=1)
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
    """Read who took the position over, and what it withdrew beyond what it deposited."""
    detail, _ = detail_of(offer)
    taker = next((found for log in logs if (found := _taker(log, offer))), None)
    if taker is None:
        return Rejected("no PositionLiquidated event for this account and market")

    deposited = sum(_moved(log, abi.DEPOSITED, offer, taker) for log in logs)
    gain = sum(_moved(log, abi.WITHDRAWN, offer, taker) for log in logs) - deposited
    payment = Payment(offer.pay_token, max(-gain, 0), deposited, detail.vault)
    return Settlement((payment,), (TokenAmount(offer.receive_token, max(gain, 0)),))


def _taker(log: Log, offer: Offer) -> Address | None:
    detail, key = detail_of(offer)
    if log.address != detail.clearing_house or log.topics[:1] != (abi.POSITION_LIQUIDATED,):
        return None

    if (indexed_address(log, 1), indexed_address(log, 2)) != (account_of(key), detail.base):
        return None

    return Address(word(log.data, 3).to_bytes(32, "big")[12:])


def _moved(log: Log, event: bytes, offer: Offer, taker: Address) -> int:
    """What one log says the taker deposited or withdrew of the settlement token, 0 for any other log."""
    detail, _ = detail_of(offer)
    if log.address != detail.vault or log.topics[:1] != (event,):
        return 0

    is_ours = (indexed_address(log, 1), indexed_address(log, 2)) == (offer.pay_token, taker)
    return word(log.data, 0) if is_ours else 0
