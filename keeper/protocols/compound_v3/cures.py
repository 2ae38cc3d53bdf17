"""What an account's owner can move in a market, the prices it hangs on, and what governance can change under it.

Supply caps are left out: a market does not hold them. Sources: Comet.supplyCollateral, supplyBase, withdrawCollateral.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from keeper.errors import StateError
from keeper.protocols.compound_v3 import math
from keeper.protocols.compound_v3.market import PRICE_UNIT, Asset, CompoundV3Market
from keeper.protocols.compound_v3.terms import RevertError
from keeper.protocols.cures import Action, Exposure, Lever, Parameter
from keeper.types import Address, PositionKey

SUPPLY_PAUSED: Final = 1
WITHDRAW_PAUSED: Final = 4
_MOST: Final = 1 << 112
"""The contract keeps collateral in 128 bits."""


def levers(key: PositionKey, market: CompoundV3Market) -> Sequence[Lever]:
    """Deposits into what is collateral already, repayments of the base token, and withdrawals; for who owes alone."""
    account = market.account(key)
    if not account.owes:
        return ()

    held = [(market.assets[offset].listed.asset, amount) for offset, amount in _counted(key, market)]
    found: list[Lever] = []
    if not market.is_paused(SUPPLY_PAUSED):
        owed = -math.present_value(account.principal, market.now)
        found += [Lever(Action.DEPOSIT, token, amount, _MOST) for token, amount in held]
        found.append(Lever(Action.REPAY, market.listing.base_token, owed, owed))

    if not market.is_paused(WITHDRAW_PAUSED):
        found += [Lever(Action.WITHDRAW, token, amount, amount) for token, amount in held]

    return found


def moved(key: PositionKey, lever: Lever, amount: int, market: CompoundV3Market) -> CompoundV3Market | None:
    """Supply, repay or withdraw at the market's target; only the base token accrues."""
    account = market.account(key)
    if lever.action is Action.REPAY:
        try:
            principal, totals = math.supplied(account.principal, amount, market.now)
        except RevertError:
            return None

        paid = replace(market.with_totals(totals), balance=market.balance + amount)
        return paid.with_accounts({key: replace(account, principal=principal)})

    offset, asset = _asset(lever.token, market)
    change = amount if lever.action is Action.DEPOSIT else -amount
    left = account.amount_of(offset) + change
    if left < 0:
        return None

    kept = replace(asset, total_supply=asset.total_supply + change, balance=asset.balance + change)
    return market.with_accounts({key: account.with_held(offset, left)}).with_assets({offset: kept})


def exposures(key: PositionKey, market: CompoundV3Market) -> Sequence[Exposure]:
    """The prices of its collateral, then of the base token; the token prices are quoted in has none."""
    if not market.account(key).owes:
        return ()

    quoted = [
        (asset.listed.asset, asset.quoted.price) for asset in (market.assets[at] for at, _ in _counted(key, market))
    ]
    quoted.append((market.listing.base_token, market.base_quoted.price))
    return [
        Exposure(token, token, price, PRICE_UNIT, market.price_token)
        for token, price in quoted
        if price is not None and token != market.price_token
    ]


def parameters(market: CompoundV3Market) -> Mapping[Parameter, int]:
    """Both factors of a liquidation, and what is paused."""
    found = {
        Parameter("supply_paused", None): int(market.is_paused(SUPPLY_PAUSED)),
        Parameter("withdraw_paused", None): int(market.is_paused(WITHDRAW_PAUSED)),
    }
    for asset in market.assets:
        terms = asset.listed.terms
        found[Parameter("liquidate_collateral_factor_wad", asset.listed.asset)] = terms.liquidate_collateral_factor
        found[Parameter("liquidation_factor_wad", asset.listed.asset)] = terms.liquidation_factor

    return found


def with_parameter(parameter: Parameter, value: int, market: CompoundV3Market) -> CompoundV3Market:
    """The market with one of its parameters changed."""
    if parameter.token is None:
        bit = SUPPLY_PAUSED if parameter.name == "supply_paused" else WITHDRAW_PAUSED
        return replace(market, pause_flags=market.pause_flags | bit if value else market.pause_flags & ~bit)

    offset, asset = _asset(parameter.token, market)
    terms = asset.listed.terms
    if parameter.name == "liquidate_collateral_factor_wad":
        terms = terms._replace(liquidate_collateral_factor=value)
    else:
        terms = terms._replace(liquidation_factor=value)

    return market.with_assets({offset: replace(asset, listed=replace(asset.listed, terms=terms))})


def _counted(key: PositionKey, market: CompoundV3Market) -> list[tuple[int, int]]:
    """What an account holds of assets that count and can be told."""
    return [
        (offset, amount)
        for offset, amount in market.account(key).held
        if offset < len(market.assets)
        and not market.assets[offset].trouble
        and market.assets[offset].listed.terms.liquidate_collateral_factor > 0
    ]


def _asset(token: Address, market: CompoundV3Market) -> tuple[int, Asset]:
    for offset, asset in enumerate(market.assets):
        if asset.listed.asset == token:
            return offset, asset

    raise StateError("a token that is no collateral of the market", token=token.hex())
