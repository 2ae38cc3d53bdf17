"""When an auction will pay: the search over later blocks finds what trying them one by one finds."""

import random
from dataclasses import replace

import pytest

from keeper.app.rows import StandingView
from keeper.oracles.numeraire import Numeraire
from keeper.planning.base import Opportunity, Policy
from keeper.planning.inputs import PlanningInput, View
from keeper.planning.pipeline import plan_block
from keeper.planning.when import Horizon, When, first_profitable
from keeper.protocols.maker import Addresses, build
from keeper.protocols.maker.auction import Rules
from keeper.protocols.maker.math import Exponential, Linear, Stairstep
from keeper.routing.base import Liquidity
from keeper.telemetry.table import positions_table, print_tables
from keeper.types import Address, BlockTarget, Offer, OfferKind
from keeper.units import GWEI, RAY, USD, WAD
from tests.fakes.maker_market import AUCTION, CONTRACTS, GEM, ILK, NOW, ilk, market, sale
from tests.fakes.pools import deep_pool

ADAPTER = build("maker", Addresses(*(Address(bytes(20)) for _ in range(3)), ()))
BLOCK_S = 12
POLICY = Policy(
    "auctions", ("maker",), 25 * USD, max_hops=1, floor_bps=9_500, max_plans_per_block=8, take_bad_debt=True
)
POOL = deep_pool(31, GEM, 10_000 * WAD, CONTRACTS.dai, 20_000_000 * WAD, 500)
CURVES = (Linear(3_000), Stairstep(90, 98 * RAY // 100), Exponential(RAY - RAY // 3_000))
WEEK = Horizon(7 * 86_400 // BLOCK_S, BLOCK_S)


def inputs(of, policy=POLICY):
    (offer,) = (one for one in ADAPTER.offers.open_offers(of) if isinstance(one, Offer))
    return offer, PlanningInput(
        target=of.target,
        views=(View(ADAPTER, of, {}, (offer,)),),
        liquidity=Liquidity.of((POOL,)),
        policies=(policy,),
        numeraire=Numeraire.of(2_000 * USD, GEM, [of.token_prices()], 0),
        trusted=frozenset({CONTRACTS.dai, GEM}),
        busy=frozenset(),
        gas_price_wei=GWEI,
        executor=Address(b"\xee" * 20),
        max_block=of.target.number + 2,
    )


def scene(curve, **changes):
    """An auction of ten ether for 12,000 DAI that has just begun at 2,200, in a block's time."""
    plain = ilk(sales={7: sale(tic=NOW, lot=10 * WAD, tab=12_000 * 10**45, **changes)})
    rules = Rules(curve, 3_600, RAY // 4, 8_475 * 10**45, 0)
    return market([replace(plain, rules=rules)], target=BlockTarget(101, NOW + BLOCK_S, GWEI, NOW + 4 * BLOCK_S))


def one_by_one(of, policy=POLICY, most=310):
    """The first block whose plan buys, by planning each block in turn; and how much it nets."""
    for k in range(most):
        later_s = k * BLOCK_S
        target = replace(
            of.target,
            number=of.target.number + k,
            timestamp=of.target.timestamp + later_s,
            expires_at=of.target.expires_at + later_s,
        )
        offer, given = inputs(of.at(target), policy)
        if offer.kind is not OfferKind.SALE:
            return None

        plans = plan_block(given).plans
        if plans:
            opportunity: Opportunity = plans[0].opportunity
            return target.number, target.timestamp, opportunity.net_usd

    return None


def found(of, policy=POLICY, horizon=WEEK):
    when = first_profitable(*inputs(of, policy), horizon)
    return None if when is None else (when.block, when.timestamp, when.net_usd)


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: type(curve).__name__)
def test_first_block_that_pays_is_the_first_that_planning_buys_in(curve):
    of = scene(curve)
    assert found(of) == one_by_one(of) is not None


def check_random(count, seed):
    """Draw floors, falls, lots and times since the start."""
    rng = random.Random(seed)
    for _ in range(count):
        curve = rng.choice(
            [
                Linear(rng.randrange(600, 6_000)),
                Stairstep(rng.randrange(12, 200), RAY - RAY * rng.randrange(5, 40) // 1_000),
                Exponential(RAY - RAY // rng.randrange(1_000, 9_000)),
            ]
        )
        of = scene(curve, top=rng.randrange(2_000, 2_600) * RAY)
        policy = replace(POLICY, min_profit_usd=rng.randrange(1, 900) * USD)
        assert found(of, policy) == one_by_one(of, policy), (curve, policy, seed)


def test_random_auctions_on_all_curves_are_bought_when_the_search_says():
    check_random(8, 5)


@pytest.mark.full
def test_many_random_auctions_are_bought_when_the_search_says(random_seed):
    check_random(200, random_seed)


def test_auction_that_must_be_started_anew_before_it_pays_never_does():
    of = scene(Linear(72_000))
    assert found(of) is None
    assert found(scene(Linear(3_000)), replace(POLICY, min_profit_usd=10**6 * USD)) is None


def test_auction_that_pays_at_once_says_the_next_block():
    of = scene(Linear(3_000), top=1_500 * RAY)
    when = first_profitable(*inputs(of), WEEK)
    assert (when.block, when.timestamp) == (101, NOW + BLOCK_S)
    # It is for sale until a quarter of the start is left: 2,250 s, less than 3,600, in blocks behind the next.
    assert when.last == 101 + (2_250 - BLOCK_S) // BLOCK_S


def test_horizon_bounds_the_search():
    of = scene(Stairstep(90, 98 * RAY // 100))
    block, _, _ = found(of)
    assert found(of, horizon=Horizon(block - 102, BLOCK_S)) is None
    assert found(of, horizon=Horizon(block - 101, BLOCK_S)) is not None


def test_call_that_pays_by_itself_pays_now():
    """Run out of time: 250 DAI and a thousandth of 12,000."""
    of = scene(Linear(3_000))
    late = of.at(replace(of.target, timestamp=NOW + 3_700))
    offer, given = inputs(late)
    assert offer.kind is OfferKind.TRIGGER
    assert first_profitable(offer, given, WEEK).block == 101


def test_standing_offer_is_a_row_with_its_block(capsys):
    of = scene(Linear(3_000))
    offer, _ = inputs(of)
    position = ADAPTER.health.position(AUCTION, of)
    row = StandingView("maker", offer, position, When(140, NOW + 480, 26 * USD, 300)).row()
    assert (row["state"], row["health_wad"], row["reason"]) == ("sale", None, None)
    assert (row["profitable_block"], row["profitable_at"], row["net_usd"]) == (140, NOW + 480, str(26 * USD))
    assert (row["position"], row["note"]) == ("0x" + AUCTION.hex(), "ETH-A auction 7, price 2,191.2 DAI")
    assert row["position"].startswith("0x" + ILK[:24].hex())
    assert row["debt"][0]["amount"] == str(12_000 * WAD)
    never = StandingView("maker", offer, position, None).row()
    assert never.keys() == row.keys()
    assert (never["profitable_block"], never["net_usd"]) == (None, None)
    import sys  # the stream capsys put in place

    print_tables((positions_table([row], {}),), sys.stdout)
    assert "sale: ETH-A auction 7" in capsys.readouterr().out
