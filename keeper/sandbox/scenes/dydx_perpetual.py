"""dYdX Perpetual V1 on the stage, as its twin: longs and shorts that are taken over into the operator's own account.

Nothing on the chain lets a taker leave a position at once, so the operator keeps a margin account there and lets the
executor act for it. The price is the shared feed's.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from keeper.sandbox.chain import LocalChain, Transaction
from keeper.sandbox.dydx_perpetual import (
    BALANCE,
    MIN_COLLATERAL,
    Agreed,
    DydxPerpetual,
    deploy_dydx_perpetual,
    depositing,
    price,
    set_funding_rate,
    signed,
    trading,
)
from keeper.sandbox.market.opening import GAS_MONEY_WEI, approving
from keeper.sandbox.scenes import aave_v3
from keeper.sandbox.scenes.base import Healths, Opened, Scene, Site
from keeper.sandbox.scenes.past import read_at
from keeper.types import Address, to_checksum
from keeper.units import WAD

NAME: Final = "dydx_perpetual"
MARGIN: Final = "USDC"
INDEXED: Final = "WETH"
OPERATOR_DOLLARS: Final = 2_000_000
"""Margin in the operator's account."""
DEPTH_DOLLARS: Final = 5_000_000
"""Margin of whoever is on the other side of everybody."""
FUNDING_RATE: Final = 5 * 10**9
"""Per second, times 1e18: longs pay 0.04 % a day."""


class Kind(NamedTuple):
    """Accounts that open one position: dollars deposited, and how many times that the position is worth."""

    name: str
    accounts: int
    deposit: tuple[int, int]
    leverage: tuple[float, float]
    sign: int = 1


KINDS: Final = (
    Kind("careful", 2, (5_000, 20_000), (1.2, 2.0)),
    Kind("short", 2, (2_000, 6_000), (6.5, 7.4), sign=-1),
    Kind("long", 3, (2_000, 6_000), (9.0, 10.0)),
    Kind("patient", 2, (2_000, 6_000), (5.9, 6.6)),
    # A cushion that is worth less than the gas.
    Kind("dust", 2, (3, 9), (9.0, 10.0)),
)


def open_scene(site: Site) -> Opened:
    """Deploy the protocol, open every position against one deep account, and give the operator margin there."""
    chain, assets = site.chain, site.world.assets
    fund = site.draw.account("insurance fund")
    dydx = deploy_dydx_perpetual(chain, site.packages, assets[MARGIN], assets[INDEXED], fund)
    set_funding_rate(chain, dydx, FUNDING_RATE)
    operator, depth = site.draw.account("operator"), site.draw.account("depth")
    names = _open_positions(site, dydx, {operator: OPERATOR_DOLLARS, depth: DEPTH_DOLLARS}, depth)
    addresses = {"perpetual": to_checksum(dydx.perpetual), "liquidator_proxy": to_checksum(dydx.proxy)}
    tables = {**addresses, "account": to_checksum(operator)}

    def healths(chain: LocalChain, accounts: Sequence[Address], block: int) -> Healths:
        return _healths(chain, dydx, accounts, block)

    def grants(chain: LocalChain, executor: Address) -> Sequence[Transaction]:
        return [chain.transaction(dydx.perpetual, "setLocalOperator(address,bool)", executor, True, sender=operator)]

    return Opened(
        names=names,
        deployment={"adapter": "dydx_perpetual", **tables},
        referee={"kind": "dydx_perpetual", **tables},
        healths=healths,
        grants=grants,
    )


def _open_positions(
    site: Site, dydx: DydxPerpetual, deposits: dict[Address, float], depth: Address
) -> dict[Address, str]:
    """Deposit for every account and open its position; names by account."""
    rng, chain, at = site.draw.rng(), site.chain, price(site.chain, dydx)
    names: dict[Address, str] = {}
    trades: list[Agreed] = []

    for kind in KINDS:
        for place in range(1, kind.accounts + 1):
            account = site.draw.account(f"{kind.name}-{place}")
            names[account], deposits[account] = f"{kind.name}-{place}", rng.uniform(*kind.deposit)
            worth = dydx.margin.units(deposits[account] * rng.uniform(*kind.leverage))
            position = worth * WAD // at  # down
            sides = (account, depth) if kind.sign > 0 else (depth, account)
            trades.append(Agreed(*sides, position * at // WAD, position))

    chain.execute_many(list(_funding(chain, dydx, deposits)))
    chain.execute_many([depositing(chain, dydx, one, dydx.margin.units(dollars)) for one, dollars in deposits.items()])
    chain.execute_many([trading(chain, dydx, agreed) for agreed in trades])
    return names


def _funding(chain: LocalChain, dydx: DydxPerpetual, deposits: dict[Address, float]) -> Iterator[Transaction]:
    token = dydx.margin

    for account, dollars in deposits.items():
        chain.set_balance(account, GAS_MONEY_WEI)
        yield chain.transaction(token.token, "mint(address,uint256)", account, token.units(dollars))
        yield approving(chain, token, account, dydx.perpetual)


def _healths(chain: LocalChain, dydx: DydxPerpetual, accounts: Sequence[Address], block: int) -> Healths:
    """Divide what each account owns by what is demanded for what it owes, as stored, without funding since.

    None without a position.
    """
    at = price(chain, dydx, block)
    answers = read_at(chain, block, [(dydx.perpetual, BALANCE, account) for account in accounts])
    return {account: _health(signed(answer), at) for account, answer in zip(accounts, answers, strict=True)}


def _health(balance: tuple[int, int], at: int) -> int | None:
    margin, position = balance

    if position == 0:
        return None

    values = (margin * WAD, position * at)
    owned = sum(value for value in values if value > 0)
    owed = -sum(value for value in values if value < 0)
    return owned * WAD * WAD // (owed * MIN_COLLATERAL) if owed else None  # down


SCENE: Final = Scene(NAME, open_scene, beside=(aave_v3.NAME,))
