"""Maker on the stage, on twins of ours: vaults, auctions on each of the three curves, and one that nobody looked after.

Ether's and staked ether's prices are known a hop before they count, and somebody pokes each such oracle, a block late;
bitcoin's count at once. Nobody but the keeper pokes the Spotter. Auctions are steep: a step of the path is a minute.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from keeper.sandbox.chain import LocalChain, Transaction
from keeper.sandbox.maker import (
    Curve,
    Maker,
    MakerIlk,
    Terms,
    bark,
    bring_price,
    compile_maker,
    deploy_maker,
    list_ilk,
    open_vault,
    osm_poke,
    place_ilk,
    price_update,
    stop,
    teach_to_burn,
)
from keeper.sandbox.market.borrowers import Borrower, Weight, plan_borrowers
from keeper.sandbox.market.path import BLANK, DEPEG, DIP, FALL, RALLY, SLIDE
from keeper.sandbox.market.templates import Template
from keeper.sandbox.scenes import aave_v3
from keeper.sandbox.scenes.base import Healths, Opened, Scene, Site, Turn
from keeper.sandbox.scenes.past import read_at
from keeper.types import Address, to_checksum
from keeper.units import RAY, WAD

NAME: Final = "maker"
DEBT: Final = "USDC"
"""What vaults are drawn to owe: a dollar is a dollar here, whatever DAI trades at."""
DOLLAR_UNITS: Final = 10**6
HOP_S: Final = 24
TERMS: Final[Mapping[str, Terms]] = {
    # From 10 % above the feed: 2 % down every other block, below the market at the fifth or sixth step.
    "ETH-A": Terms(
        Curve.STAIRSTEP, {"step": 24, "cut": 98 * RAY // 100}, tail_s=300, cusp_ray=6 * RAY // 10, hop_s=HOP_S
    ),
    # 0.12 % a second: below the market after a minute and a half.
    "WSTETH-A": Terms(
        Curve.EXPONENTIAL, {"cut": 9_988 * RAY // 10_000}, tail_s=300, cusp_ray=6 * RAY // 10, hop_s=HOP_S
    ),
    # To nothing in twenty minutes: below the market after two.
    "WBTC-A": Terms(Curve.LINEAR, {"tau": 1_200}, tail_s=240, cusp_ray=RAY // 2),
}
SYMBOLS: Final[Mapping[str, str]] = {"ETH-A": "WETH", "WSTETH-A": "wstETH", "WBTC-A": "WBTC"}
TEMPLATES: Final = (
    # Draws what the others' auctions will be paid with: DAI that left the Vat can come back.
    Template("whale", 1, ("WETH",), (DEBT,), (3_000_000, 4_000_000), (2.5, 3.0), None),
    Template("healthy", 1, ("WETH",), (DEBT,), (5_000, 30_000), (1.8, 3.0), None),
    Template("ether", 3, ("WETH",), (DEBT,), (8_000, 30_000), (0.955, 0.985), FALL),
    Template("later", 2, ("WETH",), (DEBT,), (8_000, 25_000), (0.96, 0.985), SLIDE),
    Template("last", 2, ("WETH",), (DEBT,), (6_000, 20_000), (0.96, 0.985), BLANK),
    Template("staked", 2, ("wstETH",), (DEBT,), (8_000, 25_000), (0.955, 0.985), FALL),
    Template("depegged", 2, ("wstETH",), (DEBT,), (8_000, 25_000), (0.95, 0.985), DEPEG),
    Template("bitcoin", 3, ("WBTC",), (DEBT,), (8_000, 30_000), (0.962, 0.99), DIP),
)
ABANDONED: Final = "abandoned"
"""A vault put up for auction long ago: the auction has run too long, and must begin anew once that is allowed again."""
NO_NEW_AUCTIONS: Final = 2
"""The level at which governance has stopped the ether auctions until prices begin to move."""
ABANDONED_VAULT: Final = (6 * WAD, 10_000 * WAD)
ABANDONED_AT: Final = 8_000
"""Basis points of its price at which that vault was unsafe for a while."""


def open_scene(site: Site) -> Opened:
    """Deploy the twins with three collaterals, open every vault, and leave an auction behind."""
    chain, world = site.chain, site.world
    contracts = compile_maker(site.packages)
    teach_to_burn(chain, contracts, world.assets["DAI"])
    maker = deploy_maker(chain, contracts, world.assets["DAI"].token)

    for name, terms in TERMS.items():
        maker = place_ilk(chain, maker, name, world.assets[SYMBOLS[name]], terms)
        list_ilk(chain, maker, maker.ilks[name], terms)

    owners = {site.draw.account(ABANDONED): maker.ilks["ETH-A"]}
    _abandon(chain, maker, maker.ilks["ETH-A"], site.draw.account(ABANDONED))
    borrowers = plan_borrowers(site.draw, TEMPLATES, _weigh)

    for borrower in borrowers:
        ilk = _ilk_of(maker, borrower)
        owners[borrower.account] = ilk
        ((_, owed),) = borrower.borrows
        ((_, units),) = borrower.supplies
        open_vault(chain, maker, ilk, borrower.account, (units, owed * WAD // DOLLAR_UNITS))

    chain.mine(interval_s=TERMS["ETH-A"].tail_s)
    addresses = {
        "dog": to_checksum(maker.dog),
        "jug": to_checksum(maker.jug),
        "dai_join": to_checksum(maker.dai_join),
    }
    joins = [to_checksum(ilk.join) for ilk in maker.ilks.values()]

    def healths(chain: LocalChain, accounts: Sequence[Address], block: int) -> Healths:
        return _healths(chain, maker, {account: owners[account] for account in accounts if account in owners}, block)

    governor = chain.account

    def moves(chain: LocalChain, turn: Turn) -> Sequence[Transaction]:
        return _moves(chain, maker, governor, turn)

    return Opened(
        names={site.draw.account(ABANDONED): ABANDONED, **{one.account: one.name for one in borrowers}},
        deployment={"adapter": "maker", **addresses, "gem_joins": joins},
        referee={"kind": "maker", **addresses},
        healths=healths,
        moves=moves,
    )


def _weigh(_template: Template, symbol: str) -> Weight:
    """Weigh by what a collateral may back, for drawing debt as for liquidation."""
    (terms,) = (TERMS[name] for name, asset in SYMBOLS.items() if asset == symbol)
    share = RAY / terms.mat_ray
    return Weight(share, share)


def _ilk_of(maker: Maker, borrower: Borrower) -> MakerIlk:
    ((symbol, _),) = borrower.supplies
    return next(ilk for ilk in maker.ilks.values() if ilk.asset.listing.symbol == symbol)


def _abandon(chain: LocalChain, maker: Maker, ilk: MakerIlk, owner: Address) -> None:
    """Open a vault, put it up for auction while its price is low, bring the price back, and stop all but purchases."""
    listed = ilk.asset.listing.price
    open_vault(chain, maker, ilk, owner, ABANDONED_VAULT)
    bring_price(chain, maker, ilk, listed * ABANDONED_AT // 10_000, HOP_S)
    bark(chain, maker, ilk, owner)
    bring_price(chain, maker, ilk, listed, HOP_S)
    chain.execute(stop(chain, ilk, NO_NEW_AUCTIONS, chain.account))


def _moves(chain: LocalChain, maker: Maker, governor: Address, turn: Turn) -> list[Transaction]:
    """Set the sources where a feed has published, poke what delays them, and first of all let auctions begin again."""
    found = [poke for ilk in maker.ilks.values() if (poke := osm_poke(chain, ilk)) is not None]

    if turn.step.name == RALLY and turn.place == 0:
        found.append(stop(chain, maker.ilks["ETH-A"], 0, governor))

    if turn.place == 0:
        for ilk in maker.ilks.values():
            symbol = ilk.asset.listing.symbol

            if turn.step.feeds[symbol] != turn.before.feeds[symbol]:
                found.append(price_update(chain, ilk, turn.step.feeds[symbol]))

    return found


def _healths(chain: LocalChain, maker: Maker, owners: Mapping[Address, MakerIlk], block: int) -> Healths:
    """Divide what a vault's collateral backs by what it owes, both as the Vat has them stored; None without debt."""
    ilks = "ilks(bytes32)(uint256,uint256,uint256,uint256,uint256)"
    urns = "urns(bytes32,address)(uint256,uint256)"
    listed = list(dict.fromkeys(ilk.key for ilk in owners.values()))
    calls: list[tuple[Any, ...]] = [(maker.vat, ilks, key) for key in listed]
    calls += [(maker.vat, urns, ilk.key, owner) for owner, ilk in owners.items()]
    answers = read_at(chain, block, calls)
    terms = dict(zip(listed, answers[: len(listed)], strict=True))
    found: dict[Address, int | None] = {}

    for (owner, ilk), (ink, art) in zip(owners.items(), answers[len(listed) :], strict=True):
        _, rate, spot, _, _ = terms[ilk.key]
        found[owner] = ink * spot * WAD // (art * rate) if art else None  # down

    return found


SCENE: Final = Scene(NAME, open_scene, beside=(aave_v3.NAME,))
"""Beside a market that lends DAI: whoever judges the run has no callback to buy with."""
