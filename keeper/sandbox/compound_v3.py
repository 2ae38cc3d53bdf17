"""A market of Compound V3's twin on the sandbox's tokens and feeds, and what a user does with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from keeper.sandbox.assets import Asset
from keeper.sandbox.chain import LocalChain, Transaction
from keeper.sandbox.compiler import compile_own
from keeper.sandbox.market.opening import approving
from keeper.sandbox.packages import Packages
from keeper.types import Address
from keeper.units import BPS, WAD

FOLDER: Final = "twins/comet"
YEARLY: Final = (8 * WAD // 10, 15 * WAD // 1_000, 35 * WAD // 1_000, 25 * WAD // 100)
"""A rate's kink, base, and slopes below and above the kink, per year: supply and borrow have the same."""
STORE_FRONT: Final = 6 * WAD // 10
"""The share of what the protocol keeps of a collateral that its buyer gets as a discount."""
BORROW_MIN_DOLLARS: Final = 10
CAP_DOLLARS: Final = 10**9


@dataclass(frozen=True, slots=True)
class Factors:
    """How a collateral counts: for borrowing, before it is absorbed, and what the protocol credits for it."""

    borrow_bps: int
    liquidate_bps: int
    credit_bps: int


FACTORS: Final[Mapping[str, Factors]] = {
    "WETH": Factors(8_600, 8_700, 9_400),
    "wstETH": Factors(8_400, 8_500, 9_300),
    "WBTC": Factors(7_900, 8_000, 9_400),
    "LINK": Factors(7_000, 7_100, 9_000),
    "USDC": Factors(8_800, 8_900, 9_600),
}
"""Little room between borrowing and absorption: accounts are opened to be absorbed within the hour."""


@dataclass(frozen=True, slots=True)
class CompoundV3:
    """One market; `comet` is its only address."""

    comet: Address
    base: Asset
    collaterals: tuple[Asset, ...]
    """By offset."""


def deploy_compound_v3(
    chain: LocalChain, packages: Packages, base: Asset, collaterals: Sequence[Asset], *, target: int
) -> CompoundV3:
    """Deploy a market of the twin, priced by the assets' own feeds; below `target` base units it sells collateral.

    Whoever deploys governs it.
    """
    terms = (
        chain.account,
        chain.account,
        base.token,
        base.feed.proxy,
        len(collaterals) > MOST_OF_PLAIN,
        YEARLY,
        YEARLY,
        STORE_FRONT,
        base.worth(BORROW_MIN_DOLLARS),
        target,
        [_listing(asset) for asset in collaterals],
    )
    comet = chain.deploy(compile_own(packages, FOLDER)["TwinComet"], terms)
    chain.send(comet, "initializeStorage()")
    return CompoundV3(comet, base, tuple(collaterals))


MOST_OF_PLAIN: Final = 12
"""The plain build takes so many collaterals, the extended one twice as many."""


def supplying(chain: LocalChain, market: CompoundV3, asset: Asset, user: Address, amount: int) -> list[Transaction]:
    """Write down that a user supplies base or collateral they have."""
    supply = chain.transaction(market.comet, "supply(address,uint256)", asset.token, amount, sender=user)
    return [approving(chain, asset, user, market.comet), supply]


def withdrawing(chain: LocalChain, market: CompoundV3, asset: Asset, user: Address, amount: int) -> Transaction:
    """Write down that a user takes base or collateral; more base than they have is borrowed."""
    return chain.transaction(market.comet, "withdraw(address,uint256)", asset.token, amount, sender=user)


def absorbing(chain: LocalChain, market: CompoundV3, absorber: Address, accounts: Sequence[Address]) -> Transaction:
    """Write down that somebody absorbs accounts, all of which must be liquidatable by then."""
    function = "absorb(address,address[])"
    return chain.transaction(market.comet, function, absorber, list(accounts), sender=absorber, gas=ABSORB_GAS)


ABSORB_GAS: Final = 2_000_000


def withdrawing_reserves(chain: LocalChain, market: CompoundV3, governor: Address, amount: int) -> Transaction:
    """Write down that the governor spends base of the protocol's own."""
    function = "withdrawReserves(address,uint256)"
    return chain.transaction(market.comet, function, governor, amount, sender=governor, gas=SPEND_GAS)


SPEND_GAS: Final = 300_000


def _listing(asset: Asset) -> tuple[Address, Address, int, int, int, int, int]:
    factors = FACTORS[asset.listing.symbol]
    shares = (factors.borrow_bps, factors.liquidate_bps, factors.credit_bps)
    borrow, liquidate, credit = (share * WAD // BPS for share in shares)  # exact: multiples of 1e14
    cap = asset.worth(CAP_DOLLARS)
    return asset.token, asset.feed.proxy, asset.listing.decimals, borrow, liquidate, credit, cap
