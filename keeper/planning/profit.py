"""What a profit is worth after gas, and how much of it the executor must see on chain."""

from typing import NamedTuple

from keeper.oracles.numeraire import Numeraire
from keeper.types import Address, TokenAmount
from keeper.units import bps_down


class Net(NamedTuple):
    """A profit valued: US dollars times 10**18 before and after gas, and the gas in wei."""

    profit_usd: int
    gas_cost_wei: int
    net_usd: int


def net_of_gas(profit: TokenAmount, gas_cost_wei: int, numeraire: Numeraire) -> Net | None:
    """Value a profit, rounded down, less its gas, rounded up; None for a token of unknown price.

    A loss is worth its amount at the higher price, so that it never looks smaller than it is.
    """
    if profit.amount >= 0:
        profit_usd = numeraire.gain_usd(profit.token, profit.amount)
    else:
        loss_usd = numeraire.cost_usd(profit.token, -profit.amount)
        profit_usd = None if loss_usd is None else -loss_usd

    if profit_usd is None:
        return None

    return Net(profit_usd, gas_cost_wei, profit_usd - numeraire.gas_usd(gas_cost_wei))


def gas_in_token(token: Address, gas_cost_wei: int, numeraire: Numeraire) -> int | None:
    """Gas in base units of a token, rounded up; None for a token of unknown price."""
    return numeraire.amount_worth(token, numeraire.gas_usd(gas_cost_wei))


def floor_amount(profit: TokenAmount, gas_cost_wei: int, min_net_usd: int, floor_bps: int, numeraire: Numeraire) -> int:
    """Least profit the executor accepts, in base units of the profit token, at least 1.

    A share of what is expected, rounded down, but never less than what pays the gas and the strategy's own minimum,
    rounded up: a transaction that lands is worth having landed.
    """
    worth = numeraire.amount_worth(profit.token, numeraire.gas_usd(gas_cost_wei) + min_net_usd)
    return max(1, bps_down(profit.amount, floor_bps), 0 if worth is None else worth)
