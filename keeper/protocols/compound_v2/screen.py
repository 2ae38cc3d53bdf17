"""Health as two linear forms in floats, tilted so that no liquidatable position is ever missed.

Each market has two slots: one for cTokens, whose factor is the contract's own integer, and one for debts, whose
quantity is the principal over the index it was last brought to.
"""

from collections.abc import Collection, Iterable
from typing import Final

import numpy as np

from keeper.protocols.base import Factors, HealthRow
from keeper.protocols.compound_v2.account import Account, Loan
from keeper.protocols.compound_v2.market import CompoundV2Market
from keeper.types import PositionKey
from keeper.units import WAD, div_up

TILT: Final = 1e-12
"""Relative band over float64: a few hundred roundings of 2**-53 each stay far below it."""
SLACK: Final = 2.0
"""Dollars times 10**-18 an entry's last rounding may move: less than one of them."""
SCALE_BITS: Final = 96
"""Debts are counted in 2**-96 of what a unit grows from an index of one."""


def rows(keys: Collection[PositionKey] | None, market: CompoundV2Market) -> Iterable[HealthRow]:
    """Linear forms of these accounts; cTokens that back nothing are left out."""
    for key, account in market.accounts(keys):
        yield HealthRow(key, _cover(account), tuple(map(_required, account.borrowed)))


def _cover(account: Account) -> tuple[tuple[int, int], ...]:
    return tuple((2 * place, tokens) for place, tokens in account.held if account.has_entered(place))


def _required(loan: Loan) -> tuple[int, int]:
    return 2 * loan.place + 1, div_up(loan.principal << SCALE_BITS, loan.interest_index)  # up: over-selects


def factors(market: CompoundV2Market) -> Factors:
    """Per-slot factors in dollars times 10**18, and the slack of one entry.

    A liquidation accrues its pair's two markets alone, so that of each market the version counts that is worse for
    the borrower: debts at the accrued index, cTokens at the lower of both rates. A market that is set aside suspects
    nobody (it is declined once, as a whole), and one whose debts need no shortfall everybody who owes there.
    """
    count = 2 * len(market.tokens)
    cover, required, slack = np.zeros(count), np.zeros(count), np.full(count, SLACK)
    for place, token in enumerate(market.tokens):
        price = token.usable_price
        if price is None:
            continue

        denom = min(token.denom(accrued=False), token.denom(accrued=True))
        cover[2 * place] = denom / WAD * (1.0 - TILT)
        # Two steps: the product of all may be more than a float holds.
        per_unit = token.now.borrow_index / 2**SCALE_BITS
        required[2 * place + 1] = per_unit * (price / WAD) * (1.0 + TILT)
        if token.forced:
            slack[2 * place + 1] = np.inf

    return Factors(cover, required, slack)


def always_confirm(market: CompoundV2Market) -> Collection[PositionKey]:
    """Accounts that owe VAI, which no market's slot has."""
    return market.vai.keys()
