"""Aave V2 on the stage: prices in ether, half of a debt at a time, debts at stable rates beside variable ones."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from keeper.sandbox.aave_v2 import STABLE_RATE, VARIABLE_RATE, AaveV2, deploy_aave_v2, deposit, ether_price
from keeper.sandbox.assets import LISTINGS
from keeper.sandbox.chain import LocalChain, Transaction
from keeper.sandbox.feeds import price_update
from keeper.sandbox.market.borrowers import Borrower, Weight, plan_borrowers
from keeper.sandbox.market.opening import Phase, approving, open_accounts
from keeper.sandbox.market.path import BLANK, DEPEG, DIP, FALL, GAP, RALLY, SLIDE
from keeper.sandbox.market.templates import Template
from keeper.sandbox.scenes import aave_past
from keeper.sandbox.scenes.base import Healths, Moves, Opened, Scene, Site, Turn
from keeper.sandbox.world import World
from keeper.types import Address, to_checksum
from keeper.units import BPS

NAME: Final = "aave_v2"
LENT_DOLLARS: Final = 3_000_000
"""Deposited of everything that is borrowed."""
LENT: Final = ("WETH", "USDC", "DAI", "WBTC")
STABLE_KINDS: Final = ("fixed-rate", "both-rates")
"""Accounts whose first debt is at a stable rate."""

TEMPLATES: Final = (
    Template("healthy", 2, ("WETH",), ("USDC",), (5_000, 30_000), (1.8, 3.0), None),
    Template("short", 2, ("USDC",), ("WETH",), (8_000, 25_000), (0.965, 0.99), RALLY),
    Template("long", 3, ("WETH",), ("USDC",), (8_000, 30_000), (0.955, 0.99), FALL),
    Template("fixed-rate", 2, ("WETH",), ("DAI",), (6_000, 20_000), (0.955, 0.99), FALL),
    Template("bitcoin", 2, ("WBTC",), ("USDC",), (8_000, 30_000), (0.962, 0.99), DIP),
    # Half is all that may be repaid, however low the health.
    Template("low", 2, ("WETH",), ("USDC",), (6_000, 20_000), (0.936, 0.945), SLIDE),
    Template("both-rates", 2, ("WETH", "WBTC"), ("USDC", "DAI"), (9_000, 25_000), (0.955, 0.985), SLIDE),
    Template("owes-bitcoin", 1, ("WETH", "wstETH"), ("WBTC",), (9_000, 20_000), (0.94, 0.985), DEPEG),
    # Unpriced when it matters: must be left alone until its feed is back.
    Template("blind", 1, ("WETH", "LINK"), ("USDC",), (8_000, 20_000), (0.965, 0.985), BLANK),
    # Worth less than owed after a gap: debt is left that nothing covers.
    Template("gapped", 2, ("LINK",), ("USDC",), (2_500, 8_000), (0.64, 0.70), GAP),
    Template("dust", 2, ("WETH",), ("USDC",), (15, 60), (0.955, 0.99), FALL),
)


def open_scene(site: Site) -> Opened:
    """Deploy the market, lend to it, and open every account."""
    chain, world = site.chain, site.world
    aave = deploy_aave_v2(chain, site.packages, world.assets)
    lender = site.draw.account("lender")

    for symbol in LENT:
        deposit(chain, aave, world.assets[symbol], lender, world.assets[symbol].worth(LENT_DOLLARS))

    borrowers = plan_borrowers(site.draw, TEMPLATES, _weigh)
    open_accounts(chain, world, borrowers, _phases(chain, world, aave))

    def healths(chain: LocalChain, accounts: Sequence[Address], block: int) -> Healths:
        return aave_past.healths(chain, aave.pool, accounts, block)

    return Opened(
        names={borrower.account: borrower.name for borrower in borrowers},
        deployment={"adapter": "aave_v2", "addresses_provider": to_checksum(aave.addresses_provider)},
        referee={"kind": "aave_v2", "addresses_provider": to_checksum(aave.addresses_provider)},
        healths=healths,
        factor_bps=_half,
        moves=_moves(aave),
    )


def _weigh(_template: Template, symbol: str) -> Weight:
    listing = _LISTINGS[symbol]
    return Weight(listing.ltv_bps / BPS, listing.threshold_bps / BPS)


def _half(_chain: LocalChain, _row: Mapping[str, Any], _block: int) -> int:
    return aave_past.HALF_BPS


def _moves(aave: AaveV2) -> Moves:
    """Let the feeds in ether say what the feeds in dollars say."""

    def moves(chain: LocalChain, turn: Turn) -> Sequence[Transaction]:
        if turn.place != 0:
            return ()

        return [
            price_update(chain, reserve.feed, answer)
            for symbol, reserve in aave.reserves.items()
            if reserve.feed is not None
            and (answer := ether_price(turn.step.feeds, symbol)) != ether_price(turn.before.feeds, symbol)
        ]

    return moves


def _phases(chain: LocalChain, world: World, aave: AaveV2) -> tuple[Phase, Phase]:
    def supply(borrower: Borrower) -> Iterator[Transaction]:
        user, function = borrower.account, "deposit(address,uint256,address,uint16)"

        for symbol, amount in borrower.supplies:
            asset = world.assets[symbol]
            yield approving(chain, asset, user, aave.pool)
            yield chain.transaction(aave.pool, function, asset.token, amount, user, 0, sender=user)

    def borrow(borrower: Borrower) -> Iterator[Transaction]:
        user, function = borrower.account, "borrow(address,uint256,uint256,uint16,address)"

        for place, (symbol, amount) in enumerate(borrower.borrows):
            token = world.assets[symbol].token
            rate = STABLE_RATE if place == 0 and borrower.kind in STABLE_KINDS else VARIABLE_RATE
            yield chain.transaction(aave.pool, function, token, amount, rate, 0, user, sender=user)

    return supply, borrow


_LISTINGS: Final = {listing.symbol: listing for listing in LISTINGS}
SCENE: Final = Scene(NAME, open_scene)
