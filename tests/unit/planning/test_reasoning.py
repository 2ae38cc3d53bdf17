from dataclasses import replace

from keeper.cli.plot import page
from keeper.planning.base import ALL_FUNDING
from keeper.planning.pipeline import plan_block
from keeper.planning.reasoning import profiles, tried
from tests.fakes.planning import DAI, DEEP, POLICY, USDC, WETH, inputs, market, usdc_debt
from tests.fakes.pools import deep_pool

SHALLOW = deep_pool(12, WETH, 50 * 10**18, USDC, 100_000 * 10**6, 500)
THROUGH_DAI = (
    deep_pool(21, WETH, 500 * 10**18, DAI, 1_000_000 * 10**18, 500),
    deep_pool(22, DAI, 1_000_000 * 10**18, USDC, 1_000_000 * 10**6, 100),
)
BLOCK = inputs(
    market(usdc_debt(20_000)),
    pools=(SHALLOW, *THROUGH_DAI),
    policies=(replace(POLICY, funding=ALL_FUNDING),),
)
(OFFER,) = BLOCK.views[0].offers


def test_everything_tried_is_listed_and_the_first_is_what_is_planned():
    found = tried([OFFER], BLOCK)
    (plan,) = plan_block(BLOCK).plans

    assert {one.tokens for one in found} >= {(WETH, USDC), (WETH, DAI, USDC)}
    assert [one.net for one in found] == sorted((one.net for one in found), reverse=True)
    best = found[0]
    assert (best.profit, best.repaid) == (plan.opportunity.profit.amount, plan.opportunity.size)
    assert best.pools == tuple(hop.pool.address for hop in plan.opportunity.route.hops)
    assert all(one.profit == one.sold_for - one.repaid - one.loan_fee for one in found)


def test_nothing_is_tried_with_a_token_that_is_not_trusted():
    assert tried([OFFER], replace(BLOCK, trusted=frozenset({WETH}))) == ()


def test_profile_is_highest_where_the_best_size_is():
    (profile,) = profiles(OFFER, replace(BLOCK, policies=(replace(POLICY, max_hops=1),)), most=3, points=200)

    assert len(profile.points) == 201
    assert max(y for _, y in profile.points) <= profile.tried.net
    highest = max(profile.points, key=lambda point: point[1])[0]
    # The best size lies within a step of the highest point drawn: 20,000 dollars in 200 steps.
    assert abs(highest - profile.tried.size) <= 100 * 10**6


def test_page_draws_each_curve_and_needs_nothing_from_elsewhere():
    drawn = profiles(OFFER, BLOCK, most=3, points=20)
    text = page("Somebody's <position>", [("seize & sell", drawn)], {})

    assert text.count("<polyline") == len(drawn) == 3
    assert "&lt;position&gt;" in text
    assert "seize &amp; sell" in text
    assert not any(word in text for word in ("http", "<script", "url(", "@import"))
    assert DEEP.kind == "uniswap_v3"


def test_page_says_so_where_nothing_can_be_carried():
    nothing = profiles(OFFER, replace(BLOCK, liquidity=inputs(market(), pools=()).liquidity), most=3, points=20)
    assert "Nothing of it can be carried." in page("Nobody", [("offer", nothing)], {})
