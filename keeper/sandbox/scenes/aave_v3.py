"""Aave V3.6 on the stage: eighty accounts, one kind for each thing a keeper must cope with."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from keeper.sandbox.aave import EMODES, VARIABLE_RATE, AaveV3
from keeper.sandbox.assets import LISTINGS
from keeper.sandbox.chain import LocalChain, Transaction
from keeper.sandbox.market.borrowers import Borrower, Weight, plan_borrowers
from keeper.sandbox.market.draw import Draw
from keeper.sandbox.market.opening import Phase, approving, open_accounts
from keeper.sandbox.market.path import BLANK, DEPEG, DIP, FALL, GAP, LAST, RALLY, SLIDE, UNBLANK, UNSTABLE
from keeper.sandbox.market.templates import Template
from keeper.sandbox.scenes import aave_past
from keeper.sandbox.scenes.base import Healths, Opened, Scene, Site, Ward
from keeper.sandbox.world import World
from keeper.types import Address, to_checksum
from keeper.units import BPS

NAME: Final = "aave_v3"
ETHER_MODE: Final = 1
STABLE_MODE: Final = 2

TEMPLATES: Final = (
    # Healthy to the end.
    Template("healthy", 6, ("WETH",), ("USDC",), (5_000, 60_000), (1.7, 3.0), None),
    Template("healthy-mixed", 4, ("WBTC", "WETH"), ("DAI", "USDC"), (5_000, 60_000), (1.8, 2.5), None),
    Template("lender", 2, ("WETH", "DAI"), (), (1_000, 9_000), (1.0, 1.0), None),
    # One pair, the everyday case: half may be repaid.
    Template("short", 3, ("USDC",), ("WETH",), (8_000, 40_000), (0.965, 0.995), RALLY),
    Template("long", 5, ("WETH",), ("USDC",), (8_000, 60_000), (0.955, 0.995), FALL),
    Template("long-dai", 2, ("WETH",), ("DAI",), (6_000, 25_000), (0.955, 0.995), FALL),
    Template("bitcoin", 3, ("WBTC",), ("USDC",), (10_000, 60_000), (0.962, 0.995), DIP),
    Template("link", 3, ("LINK",), ("USDC",), (4_000, 14_000), (0.955, 0.99), DIP),
    # Around the health below which all may be repaid.
    Template("just-half", 2, ("WETH",), ("USDC",), (8_000, 30_000), (0.9502, 0.9515), SLIDE),
    Template("just-full", 2, ("WETH",), ("USDC",), (8_000, 30_000), (0.9480, 0.9498), SLIDE),
    Template("full", 4, ("WETH",), ("USDC",), (5_000, 30_000), (0.936, 0.947), SLIDE),
    # Around the 2,000 dollars below which all may be repaid whatever the health, and the 1,000 that may not be left.
    Template("below-2000", 3, ("WETH",), ("USDC",), (1_300, 1_950), (0.955, 0.99), FALL),
    Template("above-2000", 3, ("WETH",), ("USDC",), (2_150, 2_900), (0.955, 0.99), FALL),
    Template("split-2000", 2, ("WETH",), ("USDC", "DAI"), (3_000, 3_900), (0.96, 0.99), SLIDE),
    # Too small to pay for the gas and the floor.
    Template("dust", 4, ("WETH",), ("USDC",), (15, 70), (0.955, 0.99), FALL),
    Template("speck", 2, ("WETH",), ("DAI",), (0.05, 1.5), (0.955, 0.99), FALL),
    # Several collaterals and debts.
    Template("mixed", 4, ("WETH", "WBTC"), ("USDC", "DAI"), (9_000, 50_000), (0.955, 0.99), SLIDE),
    Template("wide", 3, ("WETH", "LINK", "WBTC"), ("USDC", "DAI", "WETH"), (9_000, 40_000), (0.965, 0.99), SLIDE),
    Template("owes-bitcoin", 2, ("WETH", "wstETH"), ("WBTC",), (9_000, 30_000), (0.94, 0.985), DEPEG),
    # Efficiency modes.
    Template("staker", 4, ("wstETH",), ("WETH",), (20_000, 90_000), (0.955, 0.99), DEPEG, ETHER_MODE),
    Template("staker-full", 2, ("wstETH",), ("WETH",), (15_000, 60_000), (0.932, 0.948), DEPEG, ETHER_MODE),
    Template("staker-link", 2, ("wstETH", "LINK"), ("WETH",), (15_000, 50_000), (0.955, 0.99), DEPEG, ETHER_MODE),
    Template("stable", 3, ("DAI",), ("USDC",), (6_000, 40_000), (0.955, 0.99), UNSTABLE, STABLE_MODE),
    # Unpriced when it matters: must be left alone until its feed is back.
    Template("blind", 2, ("WETH", "LINK"), ("USDC",), (8_000, 25_000), (0.965, 0.985), BLANK),
    # Worth less than owed after a gap: what is left becomes a deficit.
    Template("gapped", 3, ("LINK",), ("USDC",), (2_500, 9_000), (0.64, 0.70), GAP),
    # More than the pools can take.
    Template("whale-bitcoin", 1, ("WBTC",), ("USDC", "DAI"), (5_000_000, 7_000_000), (0.962, 0.985), DIP),
    Template("whale-staker", 1, ("wstETH",), ("WETH",), (5_000_000, 7_000_000), (0.975, 0.985), UNBLANK, ETHER_MODE),
    # Where the sale loses more than the bonus brings.
    Template("stranded", 3, ("WBTC",), ("USDC",), (6_000, 40_000), (0.945, 0.98), LAST),
)


def plan(draw: Draw) -> tuple[Borrower, ...]:
    """Draw the accounts."""
    return plan_borrowers(draw, TEMPLATES, weigh)


def open_scene(site: Site) -> Opened:
    """Open every account on the world's own Aave V3.6."""
    borrowers = plan(site.draw)
    aave = site.world.aave36
    open_accounts(site.chain, site.world, borrowers, aave_phases(site.chain, site.world, aave))
    ward = ward_of(NAME, aave_past.Market(aave.pool, aave.oracle, aave.data_provider), aave.addresses_provider)
    return Opened(
        names={borrower.account: borrower.name for borrower in borrowers},
        deployment={"adapter": "aave_v3", "addresses_provider": to_checksum(aave.addresses_provider)},
        referee=ward.referee,
        healths=ward.healths,
        factor_bps=ward.factor_bps,
    )


def ward_of(name: str, market: aave_past.Market, provider: Address) -> Ward:
    """Say whom to ask about any deployment of v3.3 or later; the sandbox's own is one."""

    def healths(chain: LocalChain, accounts: Sequence[Address], block: int) -> Healths:
        return aave_past.healths(chain, market.pool, accounts, block)

    def factor_bps(chain: LocalChain, row: Mapping[str, Any], block: int) -> int | None:
        return aave_past.factor_by_size(chain, market, row, block)

    facts = {"kind": "aave_v3", "addresses_provider": to_checksum(provider)}
    return Ward(name, {}, facts, healths, factor_bps)


def weigh(template: Template, symbol: str) -> Weight:
    """Weigh a collateral as the listing does, or as the efficiency mode does where it is in it."""
    listing = _LISTINGS[symbol]
    mode = _MODES.get(template.emode) if listing.emode == template.emode else None
    source = listing if mode is None else mode
    return Weight(source.ltv_bps / BPS, source.threshold_bps / BPS)


def aave_phases(chain: LocalChain, world: World, aave: AaveV3) -> tuple[Phase, Phase]:
    """Say how an account supplies, and how it borrows at the variable rate, on any V3."""

    def supply(borrower: Borrower) -> Iterator[Transaction]:
        user = borrower.account

        if borrower.emode:
            yield chain.transaction(aave.pool, "setUserEMode(uint8)", borrower.emode, sender=user)

        for symbol, amount in borrower.supplies:
            asset = world.assets[symbol]
            yield approving(chain, asset, user, aave.pool)
            function = "supply(address,uint256,address,uint16)"
            yield chain.transaction(aave.pool, function, asset.token, amount, user, 0, sender=user)

    def borrow(borrower: Borrower) -> Iterator[Transaction]:
        function, user = "borrow(address,uint256,uint256,uint16,address)", borrower.account

        for symbol, amount in borrower.borrows:
            token = world.assets[symbol].token
            yield chain.transaction(aave.pool, function, token, amount, VARIABLE_RATE, 0, user, sender=user)

    return supply, borrow


_LISTINGS: Final = {listing.symbol: listing for listing in LISTINGS}
_MODES: Final = {mode.category: mode for mode in EMODES}
SCENE: Final = Scene(NAME, open_scene)
