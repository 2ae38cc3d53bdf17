"""Spark on the stage: a V3.0.2 market, whose rules know no dust and no deficit; all of a debt at a low health."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from keeper.sandbox.chain import LocalChain
from keeper.sandbox.market.borrowers import plan_borrowers
from keeper.sandbox.market.opening import open_accounts
from keeper.sandbox.market.path import DEPEG, DIP, FALL, GAP, RALLY, SLIDE, UNSTABLE
from keeper.sandbox.market.templates import Template
from keeper.sandbox.scenes import aave_past
from keeper.sandbox.scenes.aave_v3 import ETHER_MODE, STABLE_MODE, aave_phases, weigh
from keeper.sandbox.scenes.base import Healths, Opened, Scene, Site
from keeper.types import Address, to_checksum

NAME: Final = "spark"

TEMPLATES: Final = (
    Template("healthy", 2, ("WETH",), ("DAI",), (5_000, 30_000), (1.8, 3.0), None),
    Template("short", 1, ("USDC",), ("WETH",), (8_000, 25_000), (0.965, 0.99), RALLY),
    Template("long", 3, ("WETH",), ("DAI",), (8_000, 30_000), (0.955, 0.99), FALL),
    # A few hundred dollars: half of them, and what is left may be as small as it likes.
    Template("small", 2, ("WETH",), ("USDC",), (700, 1_500), (0.957, 0.985), FALL),
    Template("bitcoin", 2, ("WBTC",), ("DAI",), (8_000, 30_000), (0.962, 0.99), DIP),
    Template("just-half", 1, ("WETH",), ("USDC",), (8_000, 25_000), (0.9503, 0.9516), SLIDE),
    Template("full", 3, ("WETH",), ("USDC",), (5_000, 25_000), (0.936, 0.947), SLIDE),
    Template("staker", 2, ("wstETH",), ("WETH",), (15_000, 50_000), (0.955, 0.99), DEPEG, ETHER_MODE),
    Template("stable", 1, ("DAI",), ("USDC",), (6_000, 30_000), (0.955, 0.99), UNSTABLE, STABLE_MODE),
    Template("gapped", 1, ("LINK",), ("USDC",), (2_500, 8_000), (0.64, 0.70), GAP),
    Template("dust", 2, ("WETH",), ("USDC",), (15, 60), (0.955, 0.99), FALL),
)


def open_scene(site: Site) -> Opened:
    """Open every account on the world's own Aave V3.0.2."""
    aave = site.world.aave302
    borrowers = plan_borrowers(site.draw, TEMPLATES, weigh)
    open_accounts(site.chain, site.world, borrowers, aave_phases(site.chain, site.world, aave))

    def healths(chain: LocalChain, accounts: Sequence[Address], block: int) -> Healths:
        return aave_past.healths(chain, aave.pool, accounts, block)

    def factor_bps(chain: LocalChain, row: Mapping[str, Any], block: int) -> int | None:
        return aave_past.factor_by_health(chain, aave.pool, row, block)

    return Opened(
        names={borrower.account: borrower.name for borrower in borrowers},
        deployment={"adapter": "aave_v3", "addresses_provider": to_checksum(aave.addresses_provider)},
        referee={"kind": "aave_v3", "addresses_provider": to_checksum(aave.addresses_provider)},
        healths=healths,
        factor_bps=factor_bps,
    )


SCENE: Final = Scene(NAME, open_scene)
