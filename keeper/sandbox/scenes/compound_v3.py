"""Compound V3 on the stage, as its twin: accounts are absorbed and their collateral is bought off the protocol.

Some collateral is there from the start and goes on sale when the governor spends the reserves; some comes because an
outsider absorbs for the points and leaves the purchase to whoever wants it. Prices are those of the shared feeds.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from keeper.sandbox.assets import Asset, fund
from keeper.sandbox.chain import LocalChain, Transaction
from keeper.sandbox.compound_v3 import (
    FACTORS,
    CompoundV3,
    absorbing,
    deploy_compound_v3,
    supplying,
    withdrawing,
    withdrawing_reserves,
)
from keeper.sandbox.market.borrowers import Borrower, Weight, plan_borrowers
from keeper.sandbox.market.opening import Phase, open_accounts
from keeper.sandbox.market.path import BLANK, DEPEG, DIP, FALL, GAP, RALLY, SLIDE
from keeper.sandbox.market.templates import Template
from keeper.sandbox.scenes import aave_v3
from keeper.sandbox.scenes.base import Healths, Opened, Scene, Site, Turn
from keeper.sandbox.scenes.past import read_at
from keeper.sandbox.world import World
from keeper.types import Address, to_checksum
from keeper.units import BPS, WAD

NAME: Final = "compound_v3"
COLLATERALS: Final = ("WETH", "wstETH", "WBTC", "LINK")
LENT_DOLLARS: Final = 3_000_000
TARGET_DOLLARS: Final = 5_000_000
STOCK_DOLLARS: Final = {"WETH": 40_000, "LINK": 12_000}
"""Collateral of the protocol's own, for sale once its reserves are below the target."""
RESERVES_DOLLARS: Final = 6_000_000
"""What the protocol has of the base at the start: more than the target, so nothing is for sale."""
SPENT_DOLLARS: Final = 5_000_000
SPENT_AT: Final = RALLY
"""The step at which its governor spends so much of that."""
ABSORBED_KIND: Final = "absorbed-by-others"
ABSORBED_AT: Final = SLIDE
"""The step at which somebody else absorbs these, in the very block in which it becomes possible."""

TEMPLATES: Final = (
    Template("healthy", 2, ("WETH",), ("USDC",), (5_000, 30_000), (1.8, 3.0), None),
    Template("long", 3, ("WETH",), ("USDC",), (8_000, 30_000), (0.955, 0.99), FALL),
    Template("bitcoin", 2, ("WBTC",), ("USDC",), (8_000, 30_000), (0.962, 0.99), DIP),
    Template("several", 2, ("WETH", "WBTC"), ("USDC",), (9_000, 25_000), (0.955, 0.985), SLIDE),
    Template(ABSORBED_KIND, 2, ("WETH",), ("USDC",), (8_000, 20_000), (0.94, 0.97), ABSORBED_AT),
    Template("staker", 2, ("wstETH",), ("USDC",), (9_000, 30_000), (0.92, 0.97), DEPEG),
    # Unpriced when it matters: one feed that says nothing keeps all of the account.
    Template("blind", 1, ("WETH", "LINK"), ("USDC",), (8_000, 20_000), (0.965, 0.985), BLANK),
    # Worth less than owed after a gap: the reserves bear the loss.
    Template("gapped", 2, ("LINK",), ("USDC",), (2_500, 8_000), (0.64, 0.70), GAP),
    Template("dust", 2, ("WETH",), ("USDC",), (15, 60), (0.955, 0.99), FALL),
)


def open_scene(site: Site) -> Opened:
    """Deploy the market, lend to it, open every account, and leave it some stock."""
    chain, world = site.chain, site.world
    base = world.assets["USDC"]
    collaterals = [world.assets[symbol] for symbol in COLLATERALS]
    target = base.worth(TARGET_DOLLARS)
    market = deploy_compound_v3(chain, site.packages, base, collaterals, target=target)
    lender, lent = site.draw.account("lender"), base.worth(LENT_DOLLARS)
    fund(chain, base, lender, lent)
    chain.execute_many(supplying(chain, market, base, lender, lent))
    borrowers = plan_borrowers(site.draw, TEMPLATES, weigh)
    open_accounts(chain, world, borrowers, phases(chain, world, market))

    for symbol, dollars in {**STOCK_DOLLARS, base.listing.symbol: RESERVES_DOLLARS}.items():
        _give(chain, market, world.assets[symbol], dollars)

    governor, absorber = chain.account, site.draw.account("absorber")
    chain.set_balance(absorber, ABSORBER_WEI)
    absorbed = [borrower.account for borrower in borrowers if borrower.kind == ABSORBED_KIND]

    def healths(chain: LocalChain, accounts: Sequence[Address], block: int) -> Healths:
        return read_healths(chain, market, accounts, block)

    def moves(chain: LocalChain, turn: Turn) -> Sequence[Transaction]:
        if turn.place != 0:
            return ()

        if turn.step.name == SPENT_AT:
            return [withdrawing_reserves(chain, market, governor, base.worth(SPENT_DOLLARS))]

        return [absorbing(chain, market, absorber, absorbed)] if turn.step.name == ABSORBED_AT else ()

    return Opened(
        names={borrower.account: borrower.name for borrower in borrowers},
        deployment={"adapter": "compound_v3", "comet": to_checksum(market.comet)},
        referee={"kind": "compound_v3", "comet": to_checksum(market.comet)},
        healths=healths,
        moves=moves,
    )


ABSORBER_WEI: Final = 5_000 * WAD
"""Enough to be first in a block, where a transaction offers a hundred times any keeper's price."""


def weigh(_template: Template, symbol: str) -> Weight:
    """Weigh a collateral by its factors; not the market's rounding."""
    factors = FACTORS[symbol]
    return Weight(factors.borrow_bps / BPS, factors.liquidate_bps / BPS)


def phases(chain: LocalChain, world: World, market: CompoundV3) -> tuple[Phase, Phase]:
    """Say what accounts do: supply their collateral, then borrow the base."""

    def supply(borrower: Borrower) -> Iterator[Transaction]:
        for symbol, amount in borrower.supplies:
            yield from supplying(chain, market, world.assets[symbol], borrower.account, amount)

    def borrow(borrower: Borrower) -> Iterator[Transaction]:
        for symbol, amount in borrower.borrows:
            yield withdrawing(chain, market, world.assets[symbol], borrower.account, amount)

    return supply, borrow


def _give(chain: LocalChain, market: CompoundV3, asset: Asset, dollars: int) -> None:
    """Give the protocol tokens: what it holds beyond its users' is its own."""
    amount = asset.worth(dollars)
    fund(chain, asset, chain.account, amount)
    chain.send(asset.token, "transfer(address,uint256)", market.comet, amount)


def read_healths(chain: LocalChain, market: CompoundV3, accounts: Sequence[Address], block: int) -> Healths:
    """Divide what each account's collateral counts for by what it owes, and let the market say which side of one it is.

    None where it owes nothing, or where the market cannot say because a feed does not.
    """
    comet, feeds = market.comet, [market.base.feed.proxy, *(asset.feed.proxy for asset in market.collaterals)]
    prices = read_at(chain, block, [(comet, "getPrice(address)(uint256)", feed) for feed in feeds])
    calls = [
        call
        for account in accounts
        for call in (
            (comet, "isLiquidatable(address)(bool)", account),
            (comet, "borrowBalanceOf(address)(uint256)", account),
            *((comet, HELD, account, asset.token) for asset in market.collaterals),
        )
    ]
    answers = read_at(chain, block, calls)
    found: dict[Address, int | None] = {}
    width = 2 + len(market.collaterals)

    for place, account in enumerate(accounts):
        liquidatable, owed, *held = answers[width * place : width * (place + 1)]

        if liquidatable is None or not owed:
            found[account] = None
            continue

        debt = owed * (prices[0] or 0) * WAD // 10**market.base.listing.decimals  # down, as everything here
        cover = sum(
            one[0]
            * (price or 0)
            * WAD
            // 10**asset.listing.decimals
            * FACTORS[asset.listing.symbol].liquidate_bps
            // BPS
            for one, price, asset in zip(held, prices[1:], market.collaterals, strict=True)
        )
        health = cover * WAD // debt
        found[account] = min(health, WAD - 1) if liquidatable else max(health, WAD)

    return found


HELD: Final = "userCollateral(address,address)(uint128,uint128)"
SCENE: Final = Scene(NAME, open_scene, beside=(aave_v3.NAME,))
