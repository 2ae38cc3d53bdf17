"""What a trader can deposit, the marks it hangs on, and what governance can change under it.

A debt is a position and its repayment a trade, so margin is the only cure named here. Source: Vault.deposit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from keeper.protocols.cures import Action, Exposure, Lever, Parameter
from keeper.protocols.perp_curie.market import PerpCurieMarket
from keeper.types import PositionKey
from keeper.units import WAD

_MOST_COLLATERAL: Final = 1 << 112
_MAINTENANCE: Final = "maintenance_margin_ppm"
_PENALTY: Final = "liquidation_penalty_ppm"
_COLLATERAL: Final = "collateral_ratio_ppm"


def levers(key: PositionKey, market: PerpCurieMarket) -> Sequence[Lever]:
    """Deposits: of the settlement token as far as its cap goes, and of what is collateral already."""
    if market.rules.paused:
        return ()

    account, rules = market.account(key), market.rules
    room = _MOST_COLLATERAL if rules.balance_cap == 0 else max(rules.balance_cap - rules.vault_tokens, 0)
    found = [Lever(Action.DEPOSIT, market.contracts.settlement_token, max(account.balance, 0), room)]
    for token, amount in account.collaterals:
        known = market.collaterals.get(token)
        if known is not None and known.price is not None and known.ratio > 0:
            found.append(Lever(Action.DEPOSIT, token, amount, _MOST_COLLATERAL))

    return found


def moved(key: PositionKey, lever: Lever, amount: int, market: PerpCurieMarket) -> PerpCurieMarket | None:
    """Deposit, as the Vault does; it settles nothing."""
    account = market.account(key)
    if lever.token == market.contracts.settlement_token:
        account = replace(account, balance=account.balance + amount)
    else:
        account = account.with_collateral(lever.token, amount)

    return market.with_accounts({key: account})


def exposures(key: PositionKey, market: PerpCurieMarket) -> Sequence[Exposure]:
    """The mark of each market it has a position in; makers' orders move with it as well."""
    held = (market.instruments.get(base) for base, _ in market.account(key).holdings)
    return tuple(Exposure(one.base, one.base, one.price, WAD) for one in held if one is not None and one.price > 0)


def parameters(market: PerpCurieMarket) -> Mapping[Parameter, int]:
    """What the ClearingHouseConfig and the CollateralManager say."""
    rules = market.rules
    found = {
        Parameter(_MAINTENANCE, None): rules.mm_ratio,
        Parameter(_PENALTY, None): rules.penalty_ratio,
    }
    return found | {Parameter(_COLLATERAL, token): one.ratio for token, one in market.collaterals.items()}


def with_parameter(parameter: Parameter, value: int, market: PerpCurieMarket) -> PerpCurieMarket:
    """The deployment with one of its parameters changed."""
    if parameter.token is not None:
        changed = replace(market.collaterals[parameter.token], ratio=value)
        return replace(market, collaterals={**market.collaterals, parameter.token: changed})

    if parameter.name == _MAINTENANCE:
        return replace(market, rules=replace(market.rules, mm_ratio=value))

    return replace(market, rules=replace(market.rules, penalty_ratio=value))
