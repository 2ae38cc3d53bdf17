"""Exact health of an account, in the contract's integers, for each rule version.

Source: GenericLogic.calculateUserAccountData.
"""

from dataclasses import dataclass

from keeper.protocols.aave.math import LIQUIDATION_HEALTH_WAD
from keeper.protocols.aave_v3 import math
from keeper.protocols.aave_v3.account import Account
from keeper.protocols.aave_v3.market import AaveV3Market
from keeper.protocols.aave_v3.reserve import EMode, Reserve
from keeper.protocols.aave_v3.rules import Rules
from keeper.types import Declined, Health, Position, PositionKey, Reason, TokenAmount, to_checksum


@dataclass(frozen=True, slots=True)
class Totals:
    """An account's totals in base currency; `weighted_base` is value times threshold in bps."""

    collateral_base: int
    weighted_base: int
    debt_base: int
    factor_wad: int


def threshold_of(reserve: Reserve, emode: EMode | None, rules: Rules) -> int | None:
    """Threshold a supply counts with, in bps; None where it does not count at all."""
    if reserve.threshold == 0 and not rules.zero_threshold_counts:
        return None

    return emode.threshold if emode is not None and emode.covers(reserve, rules) else reserve.threshold


def price_of(reserve: Reserve, emode: EMode | None, rules: Rules) -> int | None:
    """Price that health uses: up to 3.1 a category may have one for all its assets."""
    if emode is None or emode.price_source is None or reserve.emode_category != emode.id or rules.emode_bitmap:
        return reserve.price

    return emode.price


def totals(account: Account, market: AaveV3Market) -> Totals | Reserve | EMode:
    """Sum an account up, or return what has no price: the pool could not value the account either."""
    rules = market.rules
    emode = market.emode_of(account)
    if emode is not None and emode.price_source is not None and emode.price is None:
        return emode

    collateral_base = weighted_base = debt_base = 0
    for place, scaled in account.supplied:
        if not account.uses_as_collateral(place):
            continue

        reserve = market.reserves[place]
        price = price_of(reserve, emode, rules)
        if price is None:
            return reserve

        threshold = threshold_of(reserve, emode, rules)
        if threshold is not None:
            balance = math.collateral_balance(scaled, reserve.income, rules)
            value = math.collateral_value(balance, price, reserve.unit)
            collateral_base += value
            weighted_base += value * threshold

    for place, scaled in account.borrowed:
        reserve = market.reserves[place]
        price = price_of(reserve, emode, rules)
        if price is None:
            return reserve

        balance = math.debt_balance(scaled, reserve.debt_index, rules)
        debt_base += math.debt_value(balance, price, reserve.unit, rules)

    factor_wad = math.health_factor(collateral_base, weighted_base, debt_base, rules)
    return Totals(collateral_base, weighted_base, debt_base, factor_wad)


def obstacle(key: PositionKey, account: Account, market: AaveV3Market) -> Declined | None:
    """Say why an account cannot be decided at all; None where it can."""
    if account.stable_debt:
        return Declined(market.deployment, key, Reason.QUARANTINED, {"why": "owes at a stable rate"})

    if market.rules.virtual_flag:
        for place, _ in account.borrowed:
            reserve = market.reserves[place]
            if not reserve.virtual_accounting:
                numbers = {"why": "its debt token discounts balances", "debt": to_checksum(reserve.asset)}
                return Declined(market.deployment, key, Reason.QUARANTINED, numbers)

    return None


def decide(key: PositionKey, market: AaveV3Market) -> Totals | Declined:
    """Total an account up, or decline it with the reason."""
    account = market.account(key)
    declined = obstacle(key, account, market)
    if declined is not None:
        return declined

    found = totals(account, market)
    if isinstance(found, Totals):
        return found

    if isinstance(found, Reserve):
        return Declined(market.deployment, key, Reason.UNKNOWN_PRICE, {"token": to_checksum(found.asset)})

    return Declined(market.deployment, key, Reason.UNKNOWN_PRICE, {"emode": found.id})


def health(key: PositionKey, market: AaveV3Market) -> Health | Declined:
    """Decide one position exactly; `Declined` where a price it needs is unknown or its debt cannot be known."""
    found = decide(key, market)
    if isinstance(found, Declined):
        return found

    return Health(
        key=key,
        factor_wad=found.factor_wad,
        liquidatable=found.factor_wad < LIQUIDATION_HEALTH_WAD,
        collateral_base=found.collateral_base,
        debt_base=found.debt_base,
        base_unit=market.base_unit,
    )


def position(key: PositionKey, market: AaveV3Market) -> Position:
    """List what an account holds and owes at the market's target, with its mode in words."""
    account, rules = market.account(key), market.rules
    collateral: list[TokenAmount] = []
    idle: list[TokenAmount] = []
    for place, scaled in account.supplied:
        reserve = market.reserves[place]
        amount = TokenAmount(reserve.asset, math.collateral_balance(scaled, reserve.income, rules))
        (collateral if account.uses_as_collateral(place) else idle).append(amount)

    debt = tuple(
        TokenAmount(market.reserves[place].asset, math.debt_balance(scaled, market.reserves[place].debt_index, rules))
        for place, scaled in account.borrowed
    )
    notes = [f"eMode {account.emode}"] if account.emode else []
    notes += [f"{len(idle)} supplies not used as collateral"] if idle else []
    notes += ["owes at a stable rate"] if account.stable_debt else []
    return Position(key, tuple(collateral), debt, ", ".join(notes))
