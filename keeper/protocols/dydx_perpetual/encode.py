"""Between offers and bytes: the two calls of a takeover, what its logs realised, and the permissions it needs.

The executor acts for the margin account, which allowed it to (`setLocalOperator`). Source: P1LiquidatorProxy and
P1Margin of dYdX Perpetual V1.
"""

from collections.abc import Sequence
from typing import Final

from keeper.protocols.calls import EXECUTOR, Ensure, GuardedCall, Permission
from keeper.protocols.dydx_perpetual import abi
from keeper.protocols.dydx_perpetual.market import DydxPerpetualMarket
from keeper.protocols.dydx_perpetual.offers import detail_of
from keeper.protocols.dydx_perpetual.settle import taken
from keeper.protocols.dydx_perpetual.takeover import Takeover
from keeper.protocols.words import encode, indexed_address, selector, word
from keeper.types import ZERO_ADDRESS, Address, Call, Log, Offer, Payment, Rejected, Settlement, TokenAmount, account_of

_POSITION: Final = 3
"""Which word of an account's balance is the magnitude of its position."""


def permissions(market: DydxPerpetualMarket) -> Sequence[Permission]:
    """List the takeover and the withdrawal; nobody pulls anything."""
    contracts = market.contracts
    return [
        Permission(contracts.proxy, selector(abi.LIQUIDATE)),
        Permission(contracts.perpetual, selector(abi.WITHDRAW)),
    ]


def calls(
    offer: Offer, size: int, settlement: Settlement, market: DydxPerpetualMarket, inner: bytes
) -> tuple[GuardedCall, ...]:
    """Build both calls; between them the margin account must have the very position planned.

    The contract takes over as much as it finds, up to the position named: whoever was faster would leave us less of
    it, and the profit withdrawn would be the account's own margin.
    """
    del settlement, inner
    detail, key = detail_of(offer)
    found = taken(offer, size, market)
    after, is_buy = found.done.taker.position, market.account(key).balance.position.is_positive
    arguments = (account_of(key), detail.account, int(is_buy), after.value, int(after.number > 0))
    return (
        GuardedCall(
            Call(detail.proxy, encode(abi.LIQUIDATE, *arguments)), ensures=_taken_whole(detail.account, offer, found)
        ),
        GuardedCall(Call(detail.perpetual, encode(abi.WITHDRAW, detail.account, EXECUTOR, size))),
    )


def realised(offer: Offer, logs: Sequence[Log]) -> Settlement | Rejected:
    """Read what the margin account paid out right after the first takeover of this account."""
    detail, key = detail_of(offer)
    is_behind = False
    for log in logs:
        if _is_takeover(log, detail.proxy, (account_of(key), detail.account)):
            is_behind = True
        elif is_behind and _is_withdrawal(log, detail.perpetual, detail.account):
            payment = Payment(offer.pay_token, 0, 0, ZERO_ADDRESS)
            return Settlement((payment,), (TokenAmount(offer.receive_token, word(log.data, 1)),))

    return Rejected("no takeover of this account, or nothing withdrawn after it")


def _taken_whole(account: Address, offer: Offer, found: Takeover) -> Ensure:
    detail, _ = detail_of(offer)
    size = found.done.taker.position.value
    asked = encode(abi.GET_ACCOUNT_BALANCE, account)
    if found.grows:
        return Ensure(detail.perpetual, asked, size, _POSITION, at_least=True)

    return Ensure(detail.perpetual, asked, size + 1, _POSITION)


def _is_takeover(log: Log, proxy: Address, parties: tuple[Address, Address]) -> bool:
    if log.address != proxy or log.topics[:1] != (abi.LOG_LIQUIDATOR_PROXY_USED,):
        return False

    return (indexed_address(log, 1), indexed_address(log, 2)) == parties


def _is_withdrawal(log: Log, perpetual: Address, account: Address) -> bool:
    return log.address == perpetual and log.topics[:1] == (abi.LOG_WITHDRAW,) and indexed_address(log, 1) == account
