"""Exact health of an account, in the contract's integers.

Source: GenericLogic.calculateUserAccountData.
"""

from dataclasses import dataclass
from typing import NamedTuple

from keeper.protocols.aave.entries import amount_of
from keeper.protocols.aave.math import LIQUIDATION_HEALTH_WAD, ray_mul
from keeper.protocols.aave_v2 import math
from keeper.protocols.aave_v2.account import Account
from keeper.protocols.aave_v2.market import AaveV2Market
from keeper.protocols.aave_v2.reserve import Reserve
from keeper.types import Declined, Health, Position, PositionKey, Reason, TokenAmount, to_checksum


@dataclass(frozen=True, slots=True)
class Totals:
    """An account's totals in base currency, and its health factor in wad."""

    collateral_base: int
    debt_base: int
    factor_wad: int


class Debt(NamedTuple):
    """What an account owes in one reserve at the market's target, in token base units."""

    variable: int
    stable: int


def supply_of(account: Account, place: int, market: AaveV2Market) -> int:
    """Accrue a supply to the target. AToken.balanceOf."""
    return ray_mul(amount_of(account.supplied, place), market.reserves[place].income)


def debt_of(account: Account, place: int, market: AaveV2Market) -> Debt:
    """Accrue both kinds of debt to the target. VariableDebtToken.balanceOf, StableDebtToken.balanceOf."""
    variable = ray_mul(amount_of(account.borrowed, place), market.reserves[place].debt_index)
    stable = account.stable_in(place)
    if stable is None:
        return Debt(variable, 0)

    elapsed_s = max(market.target.timestamp - stable.since, 0)
    return Debt(variable, math.stable_debt(stable.principal, stable.rate, elapsed_s))


def totals(account: Account, market: AaveV2Market) -> Totals | Reserve:
    """Sum an account up, or return the reserve without a price: the pool could not value the account either."""
    collateral_base = weighted_base = debt_base = 0
    for place, _ in account.supplied:
        if not account.uses_as_collateral(place):
            continue

        reserve = market.reserves[place]
        if reserve.price is None:
            return reserve

        if reserve.threshold != 0:
            worth = math.value(supply_of(account, place, market), reserve.price, reserve.unit)
            collateral_base += worth
            weighted_base += worth * reserve.threshold

    for place in account.debts():
        reserve = market.reserves[place]
        if reserve.price is None:
            return reserve

        # Both kinds together, so that only one fraction is lost.
        debt_base += math.value(sum(debt_of(account, place, market)), reserve.price, reserve.unit)

    return Totals(collateral_base, debt_base, math.health_factor(collateral_base, weighted_base, debt_base))


def decide(key: PositionKey, market: AaveV2Market) -> Totals | Declined:
    """Total an account up, or decline it with the reason."""
    found = totals(market.account(key), market)
    if isinstance(found, Totals):
        return found

    return Declined(market.deployment, key, Reason.UNKNOWN_PRICE, {"token": to_checksum(found.asset)})


def health(key: PositionKey, market: AaveV2Market) -> Health | Declined:
    """Decide one position exactly; `Declined` where a price it needs is unknown."""
    found = decide(key, market)
    if isinstance(found, Declined):
        return found

    return Health(
        key=key,
        factor_wad=found.factor_wad,
        liquidatable=found.factor_wad < LIQUIDATION_HEALTH_WAD,
        collateral_base=found.collateral_base,
        debt_base=found.debt_base,
        base_unit=market.base.unit,
        base_token=market.base.token,
    )


def position(key: PositionKey, market: AaveV2Market) -> Position:
    """List what an account holds and owes at the market's target; a reserve owed at both rates is listed once."""
    account = market.account(key)
    collateral: list[TokenAmount] = []
    idle: list[TokenAmount] = []
    for place, _ in account.supplied:
        amount = TokenAmount(market.reserves[place].asset, supply_of(account, place, market))
        (collateral if account.uses_as_collateral(place) else idle).append(amount)

    debt = tuple(
        TokenAmount(market.reserves[place].asset, sum(debt_of(account, place, market))) for place in account.debts()
    )
    notes = [f"{len(idle)} supplies not used as collateral"] if idle else []
    notes += ["owes at a stable rate"] if account.stable else []
    return Position(key, tuple(collateral), debt, ", ".join(notes))
