"""How a pool of the first release rounds, told from its tokens' totals: forks changed it under the same revision.

A total is the scaled total times an index, so one that falls between the roundings shows which was used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from keeper.errors import StateError
from keeper.protocols.aave.roster import Listing
from keeper.protocols.aave_v3 import abi
from keeper.protocols.aave_v3.math import collateral_balance, debt_balance
from keeper.protocols.aave_v3.rules import DIRECTED_30, PLAIN_30, Rules
from keeper.protocols.feeds import answer, call
from keeper.protocols.reads import Reads, ask
from keeper.protocols.words import word
from keeper.types import Address, to_checksum


@dataclass(frozen=True, slots=True)
class Rounding:
    """What totals are consistent with: rounding half up, or supplies down and debts up; both while none tells."""

    half_up: bool = True
    directed: bool = True

    def __and__(self, other: "Rounding") -> "Rounding":
        return Rounding(self.half_up and other.half_up, self.directed and other.directed)


def read_rounding(pool: Address, listings: Sequence[Listing], rules: Rules) -> Reads[Rounding]:
    """Compare the totals of these reserves with both roundings, in one round; nothing is asked where rules tell."""
    if not (rules.rounding_untold and listings):
        return Rounding()

    requests = [
        request
        for listing in listings
        for token, index in ((listing.a_token, abi.GET_NORMALIZED_INCOME), (listing.v_token, abi.GET_NORMALIZED_DEBT))
        for request in (
            call(token, abi.TOTAL_SUPPLY),
            call(token, abi.SCALED_TOTAL_SUPPLY),
            call(pool, index, listing.asset),
        )
    ]
    answers = yield from ask(*requests)
    numbers = [word(answer(returned, "a total", pool), 0) for returned in answers]
    found = []
    for at in range(0, len(numbers), 6):
        supply, scaled_supply, income, debt, scaled_debt, debt_index = numbers[at : at + 6]
        half_up, directed = (
            collateral_balance(scaled_supply, income, each) == supply
            and debt_balance(scaled_debt, debt_index, each) == debt
            for each in (PLAIN_30, DIRECTED_30)
        )
        found.append(Rounding(half_up, directed))

    return reduce(Rounding.__and__, found, Rounding())


def rules_told_by(rounding: Rounding, rules: Rules, pool: Address) -> Rules:
    """Choose between the rules of 3.0 and their rounded port; `StateError` where totals follow neither.

    While no total tells, the rules given stay.
    """
    if not rules.rounding_untold or (rounding.half_up and rounding.directed):
        return rules

    if not (rounding.half_up or rounding.directed):
        raise StateError(
            f"the tokens of the pool at {to_checksum(pool)} round their totals in a way no known rules do; upgrade the "
            "keeper or remove the deployment"
        )

    return PLAIN_30 if rounding.half_up else DIRECTED_30
