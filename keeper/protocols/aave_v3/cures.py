"""What an account's owner can move in a pool, the prices it hangs on, and what governance can change under it.

Supply caps are left out: what others supplied is not part of a market. Sources: SupplyLogic, BorrowLogic,
ReserveConfiguration.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from keeper.errors import StateError
from keeper.protocols.aave.entries import amount_of
from keeper.protocols.aave_v3 import math
from keeper.protocols.aave_v3.account import Account
from keeper.protocols.aave_v3.health import price_of, threshold_of
from keeper.protocols.aave_v3.market import AaveV3Market
from keeper.protocols.aave_v3.reserve import Reserve
from keeper.protocols.cures import Action, Exposure, Lever, Parameter
from keeper.types import Address, PositionKey

_MOST_SUPPLIED: Final = 1 << 112
"""Scaled balances are kept in 120 bits."""
_FIELDS: Final[Mapping[str, tuple[int, int]]] = {
    "liquidation_threshold_bps": (16, 16),
    "liquidation_bonus_bps": (32, 16),
    "active": (56, 1),
    "frozen": (57, 1),
    "paused": (60, 1),
    "emode_category": (168, 8),
}
"""Parts of a reserve's configuration word that decide: first bit and width."""


def levers(key: PositionKey, market: AaveV3Market) -> Sequence[Lever]:
    """Deposits into what is collateral already, repayments, and withdrawals; none in a reserve that is stopped."""
    account = market.account(key)
    found: list[Lever] = []
    for place, scaled in account.supplied:
        reserve = market.reserves[place]
        held = math.collateral_balance(scaled, reserve.income, market.rules)
        if not _counts(account, place, market) or not _open(reserve):
            continue

        if not reserve.config >> 57 & 1:  # frozen: nothing more is taken in
            found.append(Lever(Action.DEPOSIT, reserve.asset, held, _MOST_SUPPLIED))

        found.append(Lever(Action.WITHDRAW, reserve.asset, held, held))

    for place, scaled in account.borrowed:
        reserve = market.reserves[place]
        owed = math.debt_balance(scaled, reserve.debt_index, market.rules)
        if _open(reserve):
            found.append(Lever(Action.REPAY, reserve.asset, owed, owed))

    return sorted(found, key=lambda lever: list(Action).index(lever.action))


def moved(key: PositionKey, lever: Lever, amount: int, market: AaveV3Market) -> AaveV3Market | None:
    """Supply, repay or withdraw, as the pool does at the market's target."""
    place, reserve = _reserve(lever.token, market)
    account = market.account(key)
    supplied, owed = amount_of(account.supplied, place), amount_of(account.borrowed, place)
    match lever.action:
        case Action.DEPOSIT:
            # For the account, so rounded down where directed, like a repayment.
            minted = math.scaled_debt_burned(amount, reserve.income, market.rules)
            if minted == 0:
                return None

            account = account.with_scaled(place, supplied + minted, is_debt=False)
        case Action.REPAY:
            burned = math.scaled_debt_burned(amount, reserve.debt_index, market.rules)
            if not 0 < burned <= owed:
                return None

            account = account.with_scaled(place, owed - burned, is_debt=True)
        case Action.WITHDRAW:
            burned = math.scaled_collateral_taken(amount, reserve.income, market.rules)
            if not 0 < burned <= supplied or amount > reserve.available:
                return None

            account = account.with_scaled(place, supplied - burned, is_debt=False)
            if burned == supplied:
                account = account.with_collateral(place, used=False)

    change = -amount if lever.action is Action.WITHDRAW else amount
    return market.with_accounts({key: account}).with_reserves({place: reserve.moved(change)})


def exposures(key: PositionKey, market: AaveV3Market) -> Sequence[Exposure]:
    """The prices of what counts as collateral, then of what is owed."""
    account = market.account(key)
    emode = market.emode_of(account)
    places = [place for place, _ in account.supplied if _counts(account, place, market)]
    places += [place for place, _ in account.borrowed]
    found: dict[Address, Exposure] = {}
    for place in places:
        reserve = market.reserves[place]
        price = price_of(reserve, emode, market.rules)
        if price is None:
            continue

        of_category = emode is not None and price is not reserve.price and emode.price_source is not None
        price_id = emode.price_source if of_category and emode is not None else reserve.asset
        if price_id is not None:
            found.setdefault(price_id, Exposure(reserve.asset, price_id, price, market.base_unit))

    return tuple(found.values())


def parameters(market: AaveV3Market) -> Mapping[Parameter, int]:
    """What each reserve's configuration and each category say."""
    found = {
        Parameter(name, reserve.asset): reserve.config >> first & (1 << width) - 1
        for reserve in market.reserves
        for name, (first, width) in _FIELDS.items()
    }
    for emode in market.emodes.values():
        found[Parameter(f"emode_{emode.id}_threshold_bps", None)] = emode.threshold
        found[Parameter(f"emode_{emode.id}_bonus_bps", None)] = emode.bonus
        found[Parameter(f"emode_{emode.id}_collaterals", None)] = emode.bitmap

    return found


def with_parameter(parameter: Parameter, value: int, market: AaveV3Market) -> AaveV3Market:
    """The pool with one of its parameters changed."""
    if parameter.token is not None:
        place, reserve = _reserve(parameter.token, market)
        first, width = _FIELDS[parameter.name]
        config = reserve.config & ~((1 << width) - 1 << first) | value << first
        return market.with_reserves({place: replace(reserve, config=config)})

    _, number, what = parameter.name.split("_", 2)
    emode = market.emodes[int(number)]
    match what:
        case "threshold_bps":
            emode = replace(emode, threshold=value)
        case "bonus_bps":
            emode = replace(emode, bonus=value)
        case _:
            emode = replace(emode, bitmap=value)

    return replace(market, emodes={**market.emodes, emode.id: emode})


def _counts(account: Account, place: int, market: AaveV3Market) -> bool:
    if not account.uses_as_collateral(place):
        return False

    return bool(threshold_of(market.reserves[place], market.emode_of(account), market.rules))


def _open(reserve: Reserve) -> bool:
    return reserve.active and not reserve.paused


def _reserve(token: Address, market: AaveV3Market) -> tuple[int, Reserve]:
    places = market.roster.places.get(token)
    if places is None:
        raise StateError("a token that is no reserve of the pool", token=token.hex())

    return places[-1], market.reserves[places[-1]]  # the last: earlier ones were dropped
