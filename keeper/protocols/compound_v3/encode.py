"""Calls of a purchase, what its logs realised, and the permissions an executor needs.

Source: Comet.buyCollateral and its event BuyCollateral. It makes no callback: whoever buys pays first.
"""

from collections.abc import Sequence
from typing import Final

from keeper.errors import DecodeError
from keeper.protocols.calls import EXECUTOR, GuardedCall, Permission
from keeper.protocols.compound_v3 import abi
from keeper.protocols.compound_v3.market import CompoundV3Market
from keeper.protocols.compound_v3.purchase import purchase_of
from keeper.protocols.words import encode, indexed_address, selector, word
from keeper.types import Address, Call, Log, Offer, Payment, Rejected, Settlement, TokenAmount, account_of
from keeper.units import bps_down

LEAST_BPS: Final = 9_900
"""Share of the settled collateral the market itself must hand over: a price that jumped refuses before any swap. The
executor's own floor on the profit is what decides."""


def permissions(market: CompoundV3Market) -> Sequence[Permission]:
    """List both actions and the approval of the base token.

    The collateral's approvals are never used: naming the tokens is what lets pools of them be traded on.
    """
    comet = market.listing.comet
    return (
        Permission(comet, selector(abi.ABSORB)),
        Permission(comet, selector(abi.BUY_COLLATERAL)),
        Permission(market.listing.base_token, selector(abi.APPROVE), comet),
        *(Permission(one.listed.asset, selector(abi.APPROVE), comet) for one in market.assets),
    )


def calls(
    offer: Offer, size: int, settlement: Settlement, market: CompoundV3Market, inner: bytes
) -> tuple[GuardedCall, ...]:
    """Buy for `size` base tokens, for the executor itself."""
    del market
    if inner:
        raise ValueError("a purchase makes no callback to run a program in")

    detail, _ = purchase_of(offer)
    least = bps_down(sum(part.amount for part in settlement.receives), LEAST_BPS)
    return (GuardedCall(Call(detail.comet, encode(abi.BUY_COLLATERAL, detail.asset, least, size, EXECUTOR))),)


def realised(offer: Offer, logs: Sequence[Log]) -> Settlement | Rejected:
    """Read what the market says it sold of the offer's asset: the first such event, behind the absorption if any."""
    detail, key = purchase_of(offer)
    if detail.absorbs:
        debts = (i for i, log in enumerate(logs) if _is_kind(log, detail.comet, abi.DEBT_ABSORBED))
        at = next((i for i in debts if indexed_address(logs[i], 2) == account_of(key)), None)
        if at is None:
            return Rejected("no AbsorbDebt event for this position")

        logs = logs[at:]

    for log in logs:
        if not _is_kind(log, detail.comet, abi.BOUGHT):
            continue

        if len(log.topics) != 3 or len(log.data) != 64:
            raise DecodeError("BuyCollateral with another shape than the protocol's", block=log.block_number)

        if indexed_address(log, 2) == detail.asset:
            paid, got = word(log.data, 0), word(log.data, 1)
            return Settlement(
                (Payment(offer.pay_token, paid, paid, detail.comet),), (TokenAmount(offer.receive_token, got),)
            )

    return Rejected("no BuyCollateral event for this asset")


def _is_kind(log: Log, emitter: Address, kind: bytes) -> bool:
    return log.address == emitter and log.topics[:1] == (kind,)
