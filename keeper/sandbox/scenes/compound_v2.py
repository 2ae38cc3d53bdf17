"""Compound V2 on the stage, as Venus's core pool: half of a debt at a time, cTokens that are redeemed at once.

One market is of the native asset itself, paid by value and paying in it. Prices are those of the shared feeds.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from keeper.sandbox.assets import LISTINGS, NATIVE
from keeper.sandbox.chain import LocalChain, Transaction
from keeper.sandbox.compound_v2 import (
    CLOSE_FACTOR,
    CompoundV2,
    deploy_compound_v2,
    mint,
    mint_native,
    with_native_market,
)
from keeper.sandbox.market.borrowers import Borrower, Weight, plan_borrowers
from keeper.sandbox.market.opening import Phase, approving, open_accounts
from keeper.sandbox.market.path import BLANK, DEPEG, DIP, FALL, GAP, RALLY, SLIDE
from keeper.sandbox.market.templates import Template
from keeper.sandbox.packages import SandboxError
from keeper.sandbox.scenes.base import Healths, Opened, Scene, Site
from keeper.sandbox.scenes.past import read_at
from keeper.sandbox.world import World
from keeper.types import Address, to_checksum
from keeper.units import BPS, WAD

NAME: Final = "compound_v2"
LENT_DOLLARS: Final = 3_000_000
"""Supplied of everything that is borrowed."""
SYMBOLS: Final = (NATIVE, "USDC", "DAI", "WBTC", "LINK", "wstETH")
LENT: Final = (NATIVE, "USDC", "DAI", "WBTC")
NATIVE_KINDS: Final = ("native-long", "native-short")
"""Accounts whose ether is in, or from, the market of the native asset itself."""

TEMPLATES: Final = (
    Template("healthy", 2, ("WETH",), ("USDC",), (5_000, 30_000), (1.8, 3.0), None),
    Template("short", 2, ("USDC",), ("WETH",), (8_000, 25_000), (0.965, 0.99), RALLY),
    Template("native-short", 1, ("USDC",), ("WETH",), (8_000, 25_000), (0.965, 0.99), RALLY),
    Template("long", 3, ("WETH",), ("USDC",), (8_000, 30_000), (0.955, 0.99), FALL),
    Template("native-long", 2, ("WETH",), ("USDC",), (8_000, 25_000), (0.955, 0.99), FALL),
    Template("bitcoin", 2, ("WBTC",), ("USDC",), (8_000, 30_000), (0.962, 0.99), DIP),
    Template("both-sides", 2, ("WETH", "WBTC"), ("USDC", "DAI"), (9_000, 25_000), (0.955, 0.985), SLIDE),
    Template("owes-bitcoin", 1, ("WETH", "wstETH"), ("WBTC",), (9_000, 20_000), (0.94, 0.985), DEPEG),
    # Unpriced when it matters: the comptroller cannot weigh who entered a market without a price.
    Template("blind", 1, ("WETH", "LINK"), ("USDC",), (8_000, 20_000), (0.965, 0.985), BLANK),
    # Worth less than owed after a gap: cTokens run out before half of the debt does.
    Template("gapped", 2, ("LINK",), ("USDC",), (2_500, 8_000), (0.64, 0.70), GAP),
    Template("dust", 2, ("WETH",), ("USDC",), (15, 60), (0.955, 0.99), FALL),
)


def open_scene(site: Site) -> Opened:
    """Deploy the markets, lend to them, and open every account."""
    chain, world = site.chain, site.world
    assets = {symbol: world.assets[symbol] for symbol in SYMBOLS}
    bare = deploy_compound_v2(chain, site.packages, assets)
    compound = with_native_market(chain, site.packages, bare, world.assets[NATIVE])
    lender = site.draw.account("lender")

    for symbol in LENT:
        mint(chain, compound, world.assets[symbol], lender, world.assets[symbol].worth(LENT_DOLLARS))

    mint_native(chain, compound, lender, world.assets[NATIVE].worth(LENT_DOLLARS))
    borrowers = plan_borrowers(site.draw, TEMPLATES, _weigh)
    open_accounts(chain, world, borrowers, _phases(chain, world, compound))
    _check(chain, compound, borrowers)
    tables = {"comptroller": to_checksum(compound.comptroller), "wrapped_native": to_checksum(assets[NATIVE].token)}

    def healths(chain: LocalChain, accounts: Sequence[Address], block: int) -> Healths:
        return _healths(chain, compound, accounts, block)

    return Opened(
        names={borrower.account: borrower.name for borrower in borrowers},
        deployment={"adapter": "compound_v2", **tables},
        referee={"kind": "compound_v2", **tables},
        healths=healths,
        factor_bps=_factor,
    )


def _weigh(_template: Template, symbol: str) -> Weight:
    """Weigh by the one factor there is, for borrowing as for liquidation."""
    factor = _LISTINGS[symbol].threshold_bps / BPS
    return Weight(factor, factor)


def _factor(_chain: LocalChain, _row: Mapping[str, Any], _block: int) -> int:
    return CLOSE_FACTOR * BPS // WAD  # down: it is whole


def _market(compound: CompoundV2, borrower: Borrower, symbol: str) -> Address:
    """The cToken an account uses for an asset."""
    if symbol == NATIVE and borrower.kind in NATIVE_KINDS and compound.native_market is not None:
        return compound.native_market

    return compound.markets[symbol]


def _phases(chain: LocalChain, world: World, compound: CompoundV2) -> tuple[Phase, Phase]:
    def supply(borrower: Borrower) -> Iterator[Transaction]:
        user = borrower.account

        for symbol, amount in borrower.supplies:
            asset, token = world.assets[symbol], _market(compound, borrower, symbol)

            if token == compound.native_market:
                yield chain.transaction(asset.token, "withdraw(uint256)", amount, sender=user)
                yield chain.transaction(token, "mint()", sender=user, value_wei=amount)
            else:
                yield approving(chain, asset, user, token)
                yield chain.transaction(token, "mint(uint256)", amount, sender=user)

        tokens = [_market(compound, borrower, symbol) for symbol, _ in borrower.supplies]
        yield chain.transaction(compound.comptroller, "enterMarkets(address[])", tokens, sender=user)

    def borrow(borrower: Borrower) -> Iterator[Transaction]:
        for symbol, amount in borrower.borrows:
            token = _market(compound, borrower, symbol)
            yield chain.transaction(token, "borrow(uint256)", amount, sender=borrower.account)

    return supply, borrow


def _check(chain: LocalChain, compound: CompoundV2, borrowers: Sequence[Borrower]) -> None:
    """Look whether everybody owes what was asked for: a market refuses without a revert."""
    wanted = [
        (borrower, (_market(compound, borrower, symbol), "borrowBalanceStored(address)(uint256)", borrower.account))
        for borrower in borrowers
        for symbol, _ in borrower.borrows
    ]
    owed = chain.call_many([call for _, call in wanted])
    refused = [borrower.name for (borrower, _), amount in zip(wanted, owed, strict=True) if amount == 0]

    if refused:
        raise SandboxError(f"the markets refused to lend to {', '.join(refused)}")


def _healths(chain: LocalChain, compound: CompoundV2, accounts: Sequence[Address], block: int) -> Healths:
    """Divide what each account's cTokens may back by what it owes, as the contracts store both, without new interest.

    None where the comptroller cannot weigh it, as when a price is missing.
    """
    tokens = [*compound.markets.values(), *([compound.native_market] if compound.native_market is not None else [])]
    prices = read_at(
        chain, block, [(compound.oracle, "getUnderlyingPrice(address)(uint256)", token) for token in tokens]
    )
    liquidity = (compound.comptroller, "getAccountLiquidity(address)(uint256,uint256,uint256)")
    calls = [
        call
        for account in accounts
        for call in (
            (*liquidity, account),
            *((token, "borrowBalanceStored(address)(uint256)", account) for token in tokens),
        )
    ]
    answers = read_at(chain, block, calls)
    found: dict[Address, int | None] = {}

    for place, account in enumerate(accounts):
        weighed, *owed = answers[(1 + len(tokens)) * place : (1 + len(tokens)) * (place + 1)]
        debt = sum(
            amount * (price or 0) // WAD
            for amount, price in zip(owed, prices, strict=True)  # down, each, as there
        )
        known = weighed is not None and weighed[0] == 0 and debt > 0
        found[account] = (debt + weighed[1] - weighed[2]) * WAD // debt if known else None  # down

    return found


_LISTINGS: Final = {listing.symbol: listing for listing in LISTINGS}
SCENE: Final = Scene(NAME, open_scene)
