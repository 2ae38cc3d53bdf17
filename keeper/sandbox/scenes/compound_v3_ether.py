"""A market of Compound V3's twin that lends ether and counts in it: its feeds answer in ether, not in dollars.

Its own feeds follow the shared ones a moment later, in the same block.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from keeper.sandbox.assets import NATIVE, Asset, fund
from keeper.sandbox.chain import LocalChain, Transaction
from keeper.sandbox.compiler import compile_own
from keeper.sandbox.compound_v3 import deploy_compound_v3, supplying
from keeper.sandbox.feeds import FEED_DECIMALS, deploy_feed, price_update
from keeper.sandbox.market.borrowers import plan_borrowers
from keeper.sandbox.market.opening import open_accounts
from keeper.sandbox.market.path import DEPEG, RALLY
from keeper.sandbox.market.templates import Template
from keeper.sandbox.scenes import aave_v3
from keeper.sandbox.scenes.base import Healths, Opened, Scene, Site, Turn
from keeper.sandbox.scenes.compound_v3 import phases, read_healths, weigh
from keeper.types import Address, to_checksum

NAME: Final = "compound_v3_ether"
COLLATERALS: Final = ("wstETH", "USDC")
LENT_DOLLARS: Final = 2_000_000
TARGET_DOLLARS: Final = 1_000_000
ONE: Final = 10**FEED_DECIMALS

TEMPLATES: Final = (
    Template("healthy", 1, ("wstETH",), ("WETH",), (5_000, 30_000), (1.8, 3.0), None),
    Template("short", 2, ("USDC",), ("WETH",), (8_000, 25_000), (0.955, 0.985), RALLY),
    Template("staker", 3, ("wstETH",), ("WETH",), (9_000, 30_000), (0.92, 0.97), DEPEG),
)


def open_scene(site: Site) -> Opened:
    """Deploy the market with feeds of its own, lend to it, and open every account."""
    chain, world = site.chain, site.world
    own, start = compile_own(site.packages, "sandbox"), site.draw.path[0].feeds
    assets: dict[str, Asset] = {}

    for symbol in (NATIVE, *COLLATERALS):
        feed = deploy_feed(chain, own, f"{symbol} / ETH", in_ether(symbol, start))
        assets[symbol] = replace(world.assets[symbol], feed=feed)

    base, collaterals = assets[NATIVE], [assets[symbol] for symbol in COLLATERALS]
    market = deploy_compound_v3(chain, site.packages, base, collaterals, target=base.worth(TARGET_DOLLARS))
    lender, lent = site.draw.account("lender"), base.worth(LENT_DOLLARS)
    fund(chain, base, lender, lent)
    chain.execute_many(supplying(chain, market, base, lender, lent))
    borrowers = plan_borrowers(site.draw, TEMPLATES, weigh)
    open_accounts(chain, world, borrowers, phases(chain, world, market))

    def healths(chain: LocalChain, accounts: Sequence[Address], block: int) -> Healths:
        return read_healths(chain, market, accounts, block)

    def moves(chain: LocalChain, turn: Turn) -> Sequence[Transaction]:
        answers = {symbol: in_ether(symbol, turn.step.feeds) for symbol in COLLATERALS}
        return [price_update(chain, assets[s].feed, answer) for s, answer in answers.items() if turn.place == 0]

    comet, ether = to_checksum(market.comet), to_checksum(base.token)
    return Opened(
        names={borrower.account: borrower.name for borrower in borrowers},
        deployment={"adapter": "compound_v3", "comet": comet, "price_token": ether},
        referee={"kind": "compound_v3", "comet": comet},
        healths=healths,
        moves=moves,
    )


def in_ether(symbol: str, feeds: Mapping[str, int]) -> int:
    """Turn a dollar price into one in ether, both with 8 decimals, rounded down."""
    return feeds[symbol] * ONE // feeds[NATIVE]


SCENE: Final = Scene(NAME, open_scene, beside=(aave_v3.NAME,))
