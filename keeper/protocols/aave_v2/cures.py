"""What an account's owner can move in a pool, the prices it hangs on, and what governance can change under it.

Sources: LendingPool.deposit, repay, withdraw; ReserveConfiguration.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from keeper.errors import StateError
from keeper.protocols.aave.entries import amount_of
from keeper.protocols.aave.math import ray_div
from keeper.protocols.aave_v2 import math
from keeper.protocols.aave_v2.account import Account, StableDebt
from keeper.protocols.aave_v2.health import debt_of, supply_of
from keeper.protocols.aave_v2.market import AaveV2Market
from keeper.protocols.aave_v2.reserve import Reserve
from keeper.protocols.cures import Action, Exposure, Lever, Parameter
from keeper.types import Address, PositionKey

_MOST_SUPPLIED: Final = 1 << 112
_FIELDS: Final[Mapping[str, tuple[int, int]]] = {
    "liquidation_threshold_bps": (16, 16),
    "liquidation_bonus_bps": (32, 16),
    "active": (56, 1),
    "frozen": (57, 1),
}
"""Parts of a reserve's configuration word that decide: first bit and width."""


def levers(key: PositionKey, market: AaveV2Market) -> Sequence[Lever]:
    """Deposits into what is collateral already, repayments, and withdrawals; of a debt at two rates the variable."""
    if market.paused:
        return ()

    account = market.account(key)
    found: list[Lever] = []
    for place, _ in account.supplied:
        reserve = market.reserves[place]
        held = supply_of(account, place, market)
        if not _counts(account, place, market) or not reserve.active:
            continue

        if not reserve.config >> 57 & 1:  # frozen: nothing more is taken in
            found.append(Lever(Action.DEPOSIT, reserve.asset, held, _MOST_SUPPLIED))

        found.append(Lever(Action.WITHDRAW, reserve.asset, held, held))

    for place in account.debts():
        reserve, owed = market.reserves[place], debt_of(account, place, market)
        if not reserve.active:
            continue

        most = min(owed.variable, math.largest_burn(amount_of(account.borrowed, place), reserve.burn_index))
        found.append(Lever(Action.REPAY, reserve.asset, sum(owed), most if owed.variable else owed.stable))

    return sorted(found, key=lambda lever: list(Action).index(lever.action))


def moved(key: PositionKey, lever: Lever, amount: int, market: AaveV2Market) -> AaveV2Market | None:
    """Deposit, repay or withdraw, as the pool does at the market's target."""
    place, reserve = _reserve(lever.token, market)
    account = market.account(key)
    supplied = amount_of(account.supplied, place)
    scaled = ray_div(amount, reserve.income)
    changed: Account | None = None
    match lever.action:
        case Action.DEPOSIT:
            if scaled > 0:
                changed = account.with_supplied(place, supplied + scaled)
        case Action.REPAY:
            changed = _repaid(account, place, amount, market)
        case Action.WITHDRAW:
            if 0 < scaled <= supplied and amount <= reserve.underlying:
                changed = account.with_supplied(place, supplied - scaled)
                changed = changed if scaled < supplied else changed.with_collateral(place, used=False)

    if changed is None:
        return None

    change = -amount if lever.action is Action.WITHDRAW else amount
    touched = reserve.touched(market.target.timestamp, change)
    return market.with_accounts({key: changed}).with_reserves({place: touched})


def _repaid(account: Account, place: int, amount: int, market: AaveV2Market) -> Account | None:
    """Burn variable debt, or where there is none the stable one, whose interest becomes principal."""
    owed, stable = debt_of(account, place, market), account.stable_in(place)
    if owed.variable:
        scaled = amount_of(account.borrowed, place)
        burned = ray_div(amount, market.reserves[place].burn_index)
        return account.with_borrowed(place, scaled - burned) if 0 < burned <= scaled else None

    if stable is None or amount > owed.stable:
        return None

    return account.with_stable(StableDebt(place, owed.stable - amount, stable.rate, market.target.timestamp))


def exposures(key: PositionKey, market: AaveV2Market) -> Sequence[Exposure]:
    """The prices of what counts as collateral, then of what is owed; the token prices are quoted in has none."""
    account = market.account(key)
    places = [place for place, _ in account.supplied if _counts(account, place, market)]
    reserves = [market.reserves[place] for place in dict.fromkeys([*places, *account.debts()])]
    return [
        Exposure(reserve.asset, reserve.asset, reserve.price, market.base.unit, market.base.token)
        for reserve in reserves
        if reserve.price is not None and reserve.asset != market.base.token
    ]


def parameters(market: AaveV2Market) -> Mapping[Parameter, int]:
    """What each reserve's configuration says."""
    return {
        Parameter(name, reserve.asset): reserve.config >> first & (1 << width) - 1
        for reserve in market.reserves
        for name, (first, width) in _FIELDS.items()
    }


def with_parameter(parameter: Parameter, value: int, market: AaveV2Market) -> AaveV2Market:
    """The pool with one of its parameters changed."""
    place, reserve = _reserve(parameter.token, market)
    first, width = _FIELDS[parameter.name]
    config = reserve.config & ~((1 << width) - 1 << first) | value << first
    return market.with_reserves({place: replace(reserve, config=config)})


def _counts(account: Account, place: int, market: AaveV2Market) -> bool:
    return account.uses_as_collateral(place) and market.reserves[place].threshold > 0


def _reserve(token: Address | None, market: AaveV2Market) -> tuple[int, Reserve]:
    places = () if token is None else market.roster.places.get(token, ())
    if not places:
        raise StateError("a token that is no reserve of the pool", token="" if token is None else token.hex())

    return places[-1], market.reserves[places[-1]]  # the last: earlier ones were dropped
