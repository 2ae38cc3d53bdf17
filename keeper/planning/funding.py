"""Where the money comes from: the sale itself, the protocol's callback, a flash loan or the operator's own vault.

What each can carry, and what it costs to the wei. A source that is paused or empty is not on the list it comes from.
"""

from collections.abc import Collection, Iterable
from typing import Final

from keeper.planning.base import Funding
from keeper.protocols.base import Lender
from keeper.types import Address
from keeper.units import BPS, MAX_UINT256, bps_down, bps_up, div_half_up

SWAP: Final = "swap"
"""The pool hands over what it buys before it is paid: the sale of what will be seized pays for seizing it."""
CALLBACK: Final = "callback"
"""The protocol hands over what is seized before it is paid, and calls back in between."""
VAULT: Final = "vault"
"""The operator's own capital."""
SELF_FUNDED: Final = frozenset({SWAP, CALLBACK})
"""Sources that lend nothing: what the sale brings must cover the payment."""


def self_funded(kind: str, lender: Address, token: Address) -> Lender:
    """A source that costs nothing and has no limit of its own."""
    return Lender(kind, lender, token, MAX_UINT256, fee_bps=0, fee_rounds_up=False)


def loan_fee(lender: Lender, amount: int) -> int:
    """Fee on a loan, in the lender's own rounding: up, down or half up."""
    if lender.fee_rounds_up:
        return bps_up(amount, lender.fee_bps)

    if lender.fee_rounds_down:
        return bps_down(amount, lender.fee_bps)

    return div_half_up(amount * lender.fee_bps, BPS)


def fund(lender: Lender, at_most: int) -> Funding | None:
    """Borrow what the payment may grow to, with the fee on all of it; None where the lender has less."""
    if at_most > lender.available:
        return None

    return Funding(lender, at_most, loan_fee(lender, at_most))


def worthwhile(lenders: Iterable[Lender], token: Address, barred: Collection[Address] = ()) -> tuple[Lender, ...]:
    """Lenders of a token worth trying, cheapest first: a dearer one only where it has more than all the cheaper.

    A barred lender is one the plan needs for something else, such as a pool it swaps through.
    """
    found: list[Lender] = []
    candidates = [lender for lender in lenders if lender.token == token and lender.lender not in barred]
    for lender in sorted(candidates, key=lambda one: (one.fee_bps, -one.available, one.lender, one.kind)):
        if all(lender.available > cheaper.available for cheaper in found):
            found.append(lender)

    return tuple(found)
