"""A block to plan: one fake market, one deep pool and one shallow one, round prices."""

from keeper.oracles.numeraire import Numeraire
from keeper.planning.base import FundingKind, Policy
from keeper.planning.gas import GasTable
from keeper.planning.inputs import PlanningInput, View
from keeper.routing.base import Liquidity
from keeper.types import Health, Offer, PositionKey
from keeper.units import GWEI, USD
from tests.fakes.heads import target
from tests.fakes.lending import FakeMarket, FakeOffers, FakePosition, Rate, adapter, price
from tests.fakes.pools import address, deep_pool

WETH, USDC, DAI = address(1), address(2), address(3)
EXECUTOR = address(900)
PRICES = {WETH: price(2_000, 18), USDC: price(1, 6), DAI: price(1, 18)}
WETH_FOR_USDC = Rate(10**18, 2_000 * 10**6)
"""Base units of WETH (18 decimals) for one of USDC (6 decimals) at 2,000 dollars, before the bonus of 5 %."""
DEEP = deep_pool(11, WETH, 50_000 * 10**18, USDC, 100_000_000 * 10**6, 500)
POLICY = Policy(
    "flash",
    ("market",),
    5 * USD,
    max_hops=2,
    floor_bps=9_000,
    max_plans_per_block=4,
    take_bad_debt=False,
    funding=frozenset({FundingKind.FLASH_LOAN}),
)
GAS = GasTable(frame=100_000, loans={"aave_v3": 100_000}, takes={"aave_v3": 200_000}, hops={"uniswap_v3": 100_000})


def position(number: int = 1) -> PositionKey:
    return PositionKey(number.to_bytes(20, "big"))


def usdc_debt(dollars: int, **changes) -> FakePosition:
    """A debt of so many USDC against plenty of WETH, all of it seizable."""
    values = {"debt_token": USDC, "collateral_token": WETH, "sizes": ((1, dollars * 10**6),), "rate": WETH_FOR_USDC}
    return FakePosition(**{**values, **changes})


def market(*positions, **changes) -> FakeMarket:
    """Position 1, 2, ... with one pair each, or a tuple of them; loans of a billion of every token."""
    pairs = {
        position(n): each if isinstance(each, tuple) else (each,)
        for n, each in enumerate(positions, 1)
        if each is not None
    }
    values = {"available": {WETH: 10**6 * 10**18, USDC: 10**9 * 10**6, DAI: 10**9 * 10**18}}
    return FakeMarket(pairs, PRICES, **{**values, **changes})


def view(of: FakeMarket) -> View:
    """The market with everything it offers."""
    one = adapter(of.name)
    offers = [offer for key in of.positions for offer in FakeOffers().offers(key, of) if isinstance(offer, Offer)]
    healths: dict[PositionKey, Health] = {key: one.health.health(key, of) for key in of.positions}
    return View(one, of, healths, tuple(offers))


def inputs(*markets: FakeMarket, pools=(DEEP,), **changes) -> PlanningInput:
    """A block at 1 gwei per gas: a plan of one swap costs 500,000 gas, 0.0005 native, one dollar."""
    values = {
        "target": target(),
        "views": tuple(map(view, markets)),
        "liquidity": Liquidity.of(pools),
        "policies": (POLICY,),
        "numeraire": Numeraire.of(2_000 * USD, WETH, [each.prices for each in markets], 0),
        "trusted": frozenset({USDC, WETH, DAI}),
        "busy": frozenset(),
        "gas_price_wei": GWEI,
        "executor": EXECUTOR,
        "max_block": target().number + 2,
        "gas": GAS,
    }
    return PlanningInput(**{**values, **changes})
