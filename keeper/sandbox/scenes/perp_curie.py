"""Perp Curie on the stage: longs, shorts and a maker, in markets that a trader drags after the shared feeds.

The protocol's means of half an hour are made ones of a minute: a step of the path lasts no longer. Whoever takes a
position over borrows the margin, so somebody who lends the settlement token must be played beside it.
"""

from collections.abc import Iterator, Sequence
from math import log
from typing import Final, NamedTuple

from keeper.sandbox.assets import fund
from keeper.sandbox.chain import LocalChain, Transaction
from keeper.sandbox.feeds import DOLLAR
from keeper.sandbox.market.opening import approving
from keeper.sandbox.perp_curie import (
    ADD_LIQUIDITY,
    PerpCurie,
    PerpMarket,
    add_market,
    deploy_perp_curie,
    set_windows,
    trade,
    trade_to,
    warm_up,
)
from keeper.sandbox.scenes import aave_v3
from keeper.sandbox.scenes.base import Healths, Opened, Scene, Site, Turn
from keeper.sandbox.scenes.past import read_at
from keeper.sandbox.uniswap_v3 import FOREVER, TICK_SPACING
from keeper.types import Address, to_checksum
from keeper.units import WAD

NAME: Final = "perp_curie"
SYMBOLS: Final = ("WETH", "WBTC")
WINDOW_S: Final = 48
WARM_UP_S: Final = 120
DEPTH_DOLLARS: Final = 8_000_000
"""What the maker of each market puts on either side, ten thousand ticks wide."""
WIDTH: Final = 10_000
DEEP_POCKET_DOLLARS: Final = 50_000_000
INSURANCE_DOLLARS: Final = 200_000
GAS_MONEY_WEI: Final = 5_000 * WAD
"""Enough for whoever must be first in a block, where a transaction offers a hundred times any keeper's price."""


class Kind(NamedTuple):
    """Accounts that open one position: dollars deposited, and how many times that the position is worth."""

    name: str
    accounts: int
    symbol: str
    deposit: tuple[int, int]
    leverage: tuple[float, float]
    sign: int = 1


KINDS: Final = (
    Kind("careful", 2, "WETH", (5_000, 20_000), (1.2, 2.0)),
    # A rally takes half of the shorts' positions, then what is left of some.
    Kind("short", 3, "WETH", (2_000, 8_000), (6.9, 7.6), sign=-1),
    Kind("long", 4, "WETH", (2_000, 9_000), (7.2, 7.9)),
    Kind("patient", 3, "WETH", (3_000, 9_000), (5.3, 5.9)),
    Kind("bitcoin", 3, "WBTC", (3_000, 12_000), (6.4, 7.1)),
    Kind("dust", 2, "WETH", (3, 9), (7.2, 7.6)),
)
MAKER: Final = "maker-and-long"
"""Has an order of its own beside a position: it must be cancelled before the position can be taken over."""
MAKER_DOLLARS: Final = 5_000


def open_scene(site: Site) -> Opened:
    """Deploy the protocol with two markets and their makers, and open every position."""
    chain, world = site.chain, site.world
    perp = deploy_perp_curie(chain, site.packages, world.assets["USDC"])
    set_windows(chain, perp, WINDOW_S)

    for symbol in SYMBOLS:
        asset = world.assets[symbol]
        perp = add_market(chain, site.packages, perp, asset, asset.listing.price)

    warm_up(chain, perp, WARM_UP_S)
    fund(chain, perp.settlement, perp.insurance_fund, perp.settlement.units(INSURANCE_DOLLARS))
    tide = site.draw.account("tide")
    _deposit(chain, perp, {tide: DEEP_POCKET_DOLLARS, site.draw.account("depth"): DEEP_POCKET_DOLLARS})

    for symbol in SYMBOLS:
        price = world.assets[symbol].listing.price / DOLLAR
        order = _order(price, DEPTH_DOLLARS, WIDTH)
        chain.execute(_place(chain, perp, perp.markets[symbol], site.draw.account("depth"), order))

    names = _open_positions(site, perp)

    def healths(chain: LocalChain, accounts: Sequence[Address], block: int) -> Healths:
        return _healths(chain, perp, accounts, block)

    def moves(chain: LocalChain, turn: Turn) -> Sequence[Transaction]:
        return [
            move
            for symbol in SYMBOLS
            for move in trade_to(chain, perp, perp.markets[symbol], tide, turn.step.feeds[symbol])
        ]

    return Opened(
        names=names,
        deployment={"adapter": "perp_curie", "clearing_house": to_checksum(perp.clearing_house)},
        referee={"kind": "perp_curie", "clearing_house": to_checksum(perp.clearing_house)},
        healths=healths,
        moves=moves,
    )


def _open_positions(site: Site, perp: PerpCurie) -> dict[Address, str]:
    """Deposit for every account and open its position; names by account."""
    rng, chain = site.draw.rng(), site.chain
    names: dict[Address, str] = {}
    deposits: dict[Address, float] = {}
    trades: list[Transaction] = []

    for kind in KINDS:
        for place in range(1, kind.accounts + 1):
            account = site.draw.account(f"{kind.name}-{place}")
            names[account], deposits[account] = f"{kind.name}-{place}", rng.uniform(*kind.deposit)
            dollars = deposits[account] * rng.uniform(*kind.leverage)
            trades.append(_trade(site, perp, account, kind.symbol, kind.sign * dollars))

    maker = site.draw.account(MAKER)
    names[maker], deposits[maker] = MAKER, MAKER_DOLLARS
    _deposit(chain, perp, deposits)
    price = site.world.assets["WETH"].listing.price / DOLLAR
    order = _order(price, MAKER_DOLLARS // 2, 1_000)
    chain.execute(_place(chain, perp, perp.markets["WETH"], maker, order))

    # Longs and shorts in turn, so that none of them opens far from the index.
    for one in (*trades, _trade(site, perp, maker, "WETH", 5 * MAKER_DOLLARS)):
        chain.execute(one)

    for symbol in SYMBOLS:
        for move in trade_to(
            chain, perp, perp.markets[symbol], site.draw.account("tide"), site.world.assets[symbol].listing.price
        ):
            chain.execute(move)

    return names


def _trade(site: Site, perp: PerpCurie, account: Address, symbol: str, dollars: float) -> Transaction:
    price = site.world.assets[symbol].listing.price / DOLLAR
    return trade(site.chain, perp, perp.markets[symbol], account, int(dollars / price * WAD))


def _deposit(chain: LocalChain, perp: PerpCurie, dollars: dict[Address, int] | dict[Address, float]) -> None:
    """Give accounts the settlement token and gas, and have it deposited, in two blocks."""
    token = perp.settlement

    for account in dollars:
        chain.set_balance(account, GAS_MONEY_WEI)

    def funded() -> Iterator[Transaction]:
        for account, amount in dollars.items():
            yield chain.transaction(token.token, "mint(address,uint256)", account, token.units(amount))
            yield approving(chain, token, account, perp.vault)

    chain.execute_many(list(funded()))
    chain.execute_many(
        [
            chain.transaction(perp.vault, "deposit(address,uint256)", token.token, token.units(amount), sender=account)
            for account, amount in dollars.items()
        ]
    )


def _order(price: float, dollars: float, width: int) -> tuple[int, int, int, int]:
    """Base and quote worth so many dollars each, between ticks so far from a price."""
    spacing = TICK_SPACING[10_000]
    tick = int(log(price) / log(1.0001)) // spacing * spacing
    return int(dollars / price * WAD), int(dollars * WAD), tick - width, tick + width


def _place(
    chain: LocalChain, perp: PerpCurie, market: PerpMarket, maker: Address, order: tuple[int, int, int, int]
) -> Transaction:
    base, quote, lower, upper = order
    params = (market.base, base, quote, lower, upper, 0, 0, False, FOREVER)
    return chain.transaction(perp.clearing_house, ADD_LIQUIDITY, params, sender=maker)


def _healths(chain: LocalChain, perp: PerpCurie, accounts: Sequence[Address], block: int) -> Healths:
    """Divide what each account is worth by what is required of it, as the contracts say both."""
    worth, required = "getAccountValue(address)(int256)", "getMarginRequirementForLiquidation(address)(int256)"
    answers = read_at(
        chain,
        block,
        [
            call
            for account in accounts
            for call in ((perp.clearing_house, worth, account), (perp.account_balance, required, account))
        ],
    )
    found: dict[Address, int | None] = {}

    for place, account in enumerate(accounts):
        value, need = answers[2 * place : 2 * place + 2]
        found[account] = max(value, 0) * WAD // need if need and value is not None else None

    return found


SCENE: Final = Scene(NAME, open_scene, beside=(aave_v3.NAME,))
