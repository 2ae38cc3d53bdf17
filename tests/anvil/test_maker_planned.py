"""Plans made from the twins of Maker's contracts land on them with the profit they said, each of three kinds."""

from dataclasses import replace

import pytest

from keeper.execution.calldata import encode_execute
from keeper.execution.explain import decode_execute
from keeper.planning.base import FundingKind
from keeper.planning.inputs import View
from keeper.planning.pipeline import plan_block
from keeper.protocols.maker.urn import auction_key
from keeper.protocols.words import word
from keeper.sandbox.assets import approve, fund
from keeper.sandbox.maker import FROB, bark, open_vault
from keeper.sandbox.node import NodeError
from keeper.settler import EXECUTED
from keeper.types import OfferKind, Reason
from keeper.units import MAX_UINT256, RAD, WAD
from tests.anvil.aave_v3_follow import Follower as AaveFollower
from tests.anvil.maker_world import HOP_S, OWNERS, POLICY, RIVAL, SYMBOLS, Keeper, crash, deploy
from tests.parity.aave_v3_lab import hexed

pytestmark = pytest.mark.anvil

QUICK, SLOW = "WBTC-A", tuple(name for name in SYMBOLS if name != "WBTC-A")


def executed(receipt):
    (event,) = [log for log in receipt["logs"] if log["topics"][0] == hexed(EXECUTED)]
    return word(bytes.fromhex(event["data"][2:]), 0)


def amounts(settlement):
    return [(p.token, p.amount) for p in settlement.pays], list(settlement.receives)


def lands(keeper, plan, **how):
    """Land a plan; the model, the logs and the treasury must say the same."""
    receipt = keeper.land(plan.data, **how)
    assert receipt["status"] == "0x1"
    opportunity = plan.opportunity
    settled, realised = keeper.settled(opportunity, receipt), keeper.realised(opportunity, receipt)
    assert amounts(settled) == amounts(realised) == amounts(opportunity.settlement)
    assert executed(receipt) == opportunity.profit.amount > 0
    assert int(receipt["gasUsed"], 16) < plan.gas_limit
    return receipt


def vault(keeper_or_scene, maker, name, owner, dollars=12_000):
    """A vault that owes 64 % of what its collateral is worth, of 66 %: a fall by 4 % is enough."""
    chain = keeper_or_scene.chain
    asset = maker.ilks[name].asset
    open_vault(chain, maker, maker.ilks[name], chain.accounts[owner], (asset.worth(dollars), dollars * 64 * WAD // 100))


@pytest.fixture
def keeper(scene):
    maker = deploy(scene)
    vault(scene, maker, "ETH-A", OWNERS[0])
    return Keeper(scene, maker)


def test_bark_pays_what_it_said_and_the_auction_is_bought_once_it_pays(keeper):
    """30 DAI and a thousandth for the bark; then blocks pass until a purchase clears a dollar after gas."""
    assert keeper.plan().plans == ()
    crash(keeper.scene, keeper.maker, "ETH-A", 95)
    (bark,) = keeper.plan().plans
    assert bark.opportunity.offer.kind is OfferKind.TRIGGER
    lands(keeper, bark)

    bought = None
    for _ in range(20):
        result = keeper.plan()
        if result.plans:
            (bought,) = result.plans
            break

        keeper.chain.mine()
        keeper.pass_time(12)

    assert bought is not None, result.declined
    assert bought.opportunity.offer.kind is OfferKind.SALE
    assert bought.opportunity.offer.key == auction_key(keeper.maker.ilks["ETH-A"].key, 1, keeper.chain.accounts[1])
    lands(keeper, bought)
    keeper.advance()
    assert not keeper.market.ilks[keeper.maker.ilks["ETH-A"].key].auctions


def auctioned(keeper, owner, percent=95, name="ETH-A"):
    """Bark at an owner's vault after a fall, for nobody's reward; its auction's key."""
    crash(keeper.scene, keeper.maker, name, percent)
    ilk = keeper.maker.ilks[name]
    keeper.chain.send(keeper.maker.spotter, "poke(bytes32)", ilk.key)
    account = keeper.chain.accounts[owner]
    number = bark(keeper.chain, keeper.maker, ilk, account)
    return auction_key(ilk.key, number, account)


def wait_until_planned(keeper, blocks=40, **changes):
    """Let blocks pass until something is planned; the plan, and how many blocks that took."""
    for waited in range(blocks):
        result = keeper.plan(**changes)
        if result.plans:
            return result.plans[0], waited

        keeper.pass_time(12)

    raise AssertionError(result.declined)


def is_over_or_worth_another(keeper, name):
    """Whether nothing, or no less than `chost`, is left to raise."""
    ilk = keeper.advance().ilks[keeper.maker.ilks[name].key]
    return all(auction.sale.tab >= ilk.rules.chost for auction in ilk.auctions.values())


@pytest.mark.parametrize("name", [QUICK, *(pytest.param(name, marks=pytest.mark.full) for name in SLOW)])
def test_every_curve_falls_as_we_say_and_every_token_comes_out_of_the_vat(scene, name):
    """A token of 8 decimals leaves the Vat in its own units; a feed that holds prices back is poked first."""
    maker = deploy(scene, (name,))
    vault(scene, maker, name, OWNERS[0])
    keeper = Keeper(scene, maker)
    crash(scene, maker, name, 95)
    if maker.ilks[name].osm is not None:
        for _ in range(2):
            keeper.pass_time(HOP_S)
            keeper.chain.send(maker.ilks[name].osm, "poke()")

        keeper.pass_time(HOP_S)

    bark_plan, _ = wait_until_planned(keeper)
    lands(keeper, bark_plan)
    bought, waited = wait_until_planned(keeper)
    lands(keeper, bought)

    assert (bark_plan.opportunity.offer.kind, bought.opportunity.offer.kind) == (OfferKind.TRIGGER, OfferKind.SALE)
    assert waited > 1
    assert is_over_or_worth_another(keeper, name)


def test_price_that_a_feed_holds_back_is_let_in_by_the_plan_itself(scene):
    """The next price is known a hop before it counts: the plan pokes the feed, then the Spotter, then barks."""
    maker = deploy(scene, ("WSTETH-A",))
    vault(scene, maker, "WSTETH-A", OWNERS[0])
    keeper = Keeper(scene, maker)
    ilk = maker.ilks["WSTETH-A"]
    crash(scene, maker, "WSTETH-A", 95)
    keeper.pass_time(HOP_S)
    keeper.chain.send(ilk.osm, "poke()")
    plan, _ = wait_until_planned(keeper)
    due = keeper.market.ilks[ilk.key].feed.due

    assert plan.target.timestamp - 12 < due <= plan.target.timestamp
    assert [call.to for call in plan.opportunity.offer.prelude] == [ilk.osm, maker.spotter, maker.jug]
    lands(keeper, plan)


def test_loan_pays_where_the_callback_may_not(keeper):
    """Money first: it is there when the Clipper calls back, which only takes collateral out and puts DAI in."""
    auctioned(keeper, OWNERS[0])
    borrowing = (replace(POLICY, funding=frozenset({FundingKind.FLASH_LOAN})),)
    lender = AaveFollower(keeper.chain, keeper.scene.aave)
    for _ in range(40):
        given = keeper.inputs(policies=borrowing)
        lending = View(replace(lender.adapter, name="lender"), lender.advance(given.target), {}, ())
        plans = plan_block(replace(given, views=(*given.views, lending))).plans
        if plans:
            break

        keeper.pass_time(12)

    assert plans[0].opportunity.funding.lender.kind == "aave_v3"
    lands(keeper, plans[0])


def test_part_of_an_auction_is_bought_where_all_of_it_is_too_much(scene):
    """A lot worth more than the pools can take: the best part of it now, at least `chost` left for another time."""
    maker = deploy(scene)
    vault(scene, maker, "ETH-A", OWNERS[0], dollars=3_000_000)
    keeper = Keeper(scene, maker)
    key = auctioned(keeper, OWNERS[0])
    plan, _ = wait_until_planned(keeper)
    assert plan.opportunity.offer.key == key
    assert plan.opportunity.size != MAX_UINT256
    lands(keeper, plan)
    assert keeper.advance().ilks[maker.ilks["ETH-A"].key].auctions
    assert is_over_or_worth_another(keeper, "ETH-A")


def test_auction_that_ran_too_long_is_started_anew_for_its_reward(keeper):
    key = auctioned(keeper, OWNERS[0])
    keeper.pass_time(400)
    (plan,) = keeper.plan().plans
    assert (plan.opportunity.offer.key, plan.opportunity.offer.kind) == (key, OfferKind.TRIGGER)
    lands(keeper, plan)
    assert keeper.plan().plans == ()


@pytest.mark.full
def test_debt_grows_until_the_bark_lands_and_the_reward_taken_out_stays_what_was_said(keeper):
    """Two blocks late: what is raised grew with the stability fee, the reward with it; the difference stays inside."""
    crash(keeper.scene, keeper.maker, "ETH-A", 95)
    (plan,) = keeper.plan().plans
    keeper.advance()
    lands(keeper, plan, later_s=36)


# Others are there too -------------------------------------------------------------------------------------------------


def reverts(keeper, plan, *ahead, later_s=12):
    """Land a plan behind others; why it was refused, in the contracts' words."""
    receipt = keeper.land(plan.data, ahead=ahead, later_s=later_s)
    assert receipt["status"] == "0x0"
    call = {"from": hexed(keeper.wired.operator), "to": hexed(keeper.wired.executor), "input": hexed(plan.data)}
    with pytest.raises(NodeError) as refused:
        keeper.chain.node.rpc("eth_call", call, receipt["blockNumber"])

    return keeper.adapter.encoder.explain(refused.value.revert)


def by_rival(keeper, target, function, *arguments):
    """Write down a rival's transaction; its DAI is in the Vat, and the Clipper may take it."""
    return keeper.chain.transaction(target, function, *arguments, sender=keeper.chain.accounts[RIVAL])


def arm_rival(keeper, name="ETH-A", dai=100_000):
    """Give the rival DAI inside the Vat."""
    chain, maker, ilk = keeper.chain, keeper.maker, keeper.maker.ilks[name]
    rival = chain.accounts[RIVAL]
    open_vault(chain, maker, ilk, rival, (ilk.asset.worth(3 * dai), dai * WAD))
    approve(chain, keeper.scene.asset("DAI"), rival, maker.dai_join)
    chain.send(maker.dai_join, "join(address,uint256)", rival, dai * WAD - 1, sender=rival)
    chain.send(maker.vat, "hope(address)", ilk.clipper, sender=rival)


FILE = "file(bytes32,uint256)"
TAKE = "take(uint256,uint256,uint256,address,bytes)"


@pytest.fixture
def waiting(keeper):
    """A keeper with a plan to buy its first auction; and a rival who could."""
    arm_rival(keeper)
    auctioned(keeper, OWNERS[0])
    plan, _ = wait_until_planned(keeper)
    return keeper, plan


@pytest.mark.full
def test_auction_bought_by_somebody_ahead_of_us_is_over(waiting):
    keeper, plan = waiting
    clip = keeper.maker.ilks["ETH-A"].clipper
    rival = keeper.chain.accounts[RIVAL]
    assert "Clipper/not-running-auction" in reverts(
        keeper, plan, by_rival(keeper, clip, TAKE, 1, MAX_UINT256, MAX_UINT256, rival, b"")
    )


def test_auction_partly_bought_ahead_of_us_is_bought_for_what_is_left(waiting):
    """What the model says of the state it met is what was moved; the plan said more."""
    keeper, plan = waiting
    clip = keeper.maker.ilks["ETH-A"].clipper
    rival = keeper.chain.accounts[RIVAL]
    lot = keeper.market.ilks[keeper.maker.ilks["ETH-A"].key].auctions[1].sale.lot
    theirs = by_rival(keeper, clip, TAKE, 1, lot // 100, MAX_UINT256, rival, b"")
    receipt = keeper.land(plan.data, ahead=[theirs])
    assert receipt["status"] == "0x1"
    settled, realised = keeper.settled(plan.opportunity, receipt), keeper.realised(plan.opportunity, receipt)
    assert amounts(settled) == amounts(realised) != amounts(plan.opportunity.settlement)


def test_auction_started_anew_under_us_is_too_expensive(waiting):
    """Somebody waits until it must be, starts it anew, and our purchase behind it would pay the top price."""
    keeper, plan = waiting
    clip = keeper.maker.ilks["ETH-A"].clipper
    redo = by_rival(keeper, clip, "redo(uint256,address)", 1, keeper.chain.accounts[RIVAL])
    lasting = replace(plan, data=encode_execute(*lasting_frame(plan)))
    assert "Clipper/too-expensive" in reverts(keeper, lasting, redo, later_s=400)


@pytest.mark.full
def test_auction_that_must_be_started_anew_before_we_land_is_refused(waiting):
    keeper, plan = waiting
    lasting = replace(plan, data=encode_execute(*lasting_frame(plan)))
    assert "Clipper/needs-reset" in reverts(keeper, lasting, later_s=400)


@pytest.mark.parametrize(
    ("level", "is_refused"),
    [pytest.param(1, False, marks=pytest.mark.full), pytest.param(2, False, marks=pytest.mark.full), (3, True)],
)
def test_clipper_stopped_under_us_refuses_at_its_third_level(waiting, level, is_refused):
    keeper, plan = waiting
    stop = keeper.chain.transaction(keeper.maker.ilks["ETH-A"].clipper, FILE, b"stopped".ljust(32, b"\0"), level)
    if is_refused:
        assert "Clipper/stopped-incorrect" in reverts(keeper, plan, stop)
        (refused,) = (no for no in told(keeper) if no.key == plan.opportunity.offer.key)
        assert refused.reason is Reason.PAUSED
    else:
        lands(keeper, plan, ahead=[stop])


@pytest.mark.full
@pytest.mark.parametrize(("level", "is_open"), [(0, True), (1, False)])
def test_stopped_clipper_takes_no_bark(keeper, level, is_open):
    keeper.chain.send(keeper.maker.ilks["ETH-A"].clipper, FILE, b"stopped".ljust(32, b"\0"), level)
    crash(keeper.scene, keeper.maker, "ETH-A", 95)
    assert bool(keeper.plan().plans) is is_open
    assert is_open or [no.reason for no in keeper.declined] == [Reason.PAUSED]


def told(keeper):
    """Every no of the next block."""
    keeper.inputs()
    return keeper.declined


def lasting_frame(plan):
    """A plan's own program in a frame that does not expire: what the Clipper says then, not the executor."""
    header, ops = decode_execute(plan.data)
    return replace(header, deadline=2**40 - 1, max_block=0), ops


def with_hole_for_one(scene):
    """Two vaults of 7,680 DAI, and a hole for one of them with its penalty, and a little."""
    maker = deploy(scene)
    for owner in OWNERS[:2]:
        vault(scene, maker, "ETH-A", owner)

    hole = 12_000 * 64 * 113 * RAD // 10_000 + 100 * RAD
    ilk = maker.ilks["ETH-A"]
    scene.chain.send(maker.dog, "file(bytes32,bytes32,uint256)", ilk.key, b"hole".ljust(32, b"\0"), hole)
    keeper = Keeper(scene, maker)
    crash(scene, maker, "ETH-A", 95)
    return keeper


@pytest.mark.full
def test_hole_that_a_first_bark_fills_leaves_no_room_for_a_second_of_the_same_block(scene):
    """Both could be barked at alone; behind the first the planner sees what the Dog would say."""
    keeper = with_hole_for_one(scene)
    result = keeper.plan()

    (first,) = result.plans
    (second,) = result.declined
    assert (second.reason, second.numbers["now"]) == (Reason.CONFLICT, "no_legal_size")
    lands(keeper, first)
    assert [no.numbers["why"] for no in told(keeper)] == ["Dog/dusty-auction-from-partial-liquidation"]


def test_hole_filled_by_somebody_ahead_of_us_reverts_by_name(scene):
    keeper = with_hole_for_one(scene)
    (plan,) = keeper.plan().plans
    ilk, rival = keeper.maker.ilks["ETH-A"], scene.chain.accounts[RIVAL]
    vaults = (scene.chain.accounts[owner] for owner in OWNERS[:2])
    other = next(one for one in vaults if keeper.urn("ETH-A", one) != plan.opportunity.offer.key)
    poke = by_rival(keeper, keeper.maker.spotter, "poke(bytes32)", ilk.key)
    theirs = by_rival(keeper, keeper.maker.dog, "bark(bytes32,address,address)", ilk.key, other, rival)
    assert reverts(keeper, plan, poke, theirs) == (
        "Dog/dusty-auction-from-partial-liquidation (there is room for less than the smallest auction)"
    )


@pytest.mark.full
def test_vault_cured_ahead_of_us_reverts_by_name(keeper):
    crash(keeper.scene, keeper.maker, "ETH-A", 95)
    (plan,) = keeper.plan().plans
    owner, ilk = keeper.chain.accounts[OWNERS[0]], keeper.maker.ilks["ETH-A"]
    fund(keeper.chain, ilk.asset, owner, ilk.asset.worth(10_000))
    approve(keeper.chain, ilk.asset, owner, ilk.join)
    join = keeper.chain.transaction(ilk.join, "join(address,uint256)", owner, ilk.asset.worth(10_000), sender=owner)
    lock = keeper.chain.transaction(
        keeper.maker.vat, FROB, ilk.key, owner, owner, owner, ilk.asset.worth(10_000), 0, sender=owner
    )
    assert reverts(keeper, plan, join, lock).startswith("Dog/not-unsafe")
