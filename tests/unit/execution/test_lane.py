"""Several keys side by side: who rides on which, and that one in trouble holds up none of the others."""

from dataclasses import replace

import pytest
import structlog
from eth_account import Account

from keeper.chain.phrases import Refusal
from keeper.errors import SigningKeyError
from keeper.execution.base import Status
from keeper.types import Address, Reason
from keeper.units import GWEI
from tests.fakes.desk import ACCOUNT, OPERATOR, Office
from tests.fakes.heads import target
from tests.fakes.ledger_chain import PoolTx, decode
from tests.fakes.plans import COLLATERAL, make_plan
from tests.fakes.plans import apart as group_apart

SECOND = Account.from_key(b"\x22" * 32)
OTHER = Address(bytes.fromhex(SECOND.address[2:]))


@pytest.fixture
async def office(tmp_path):
    """A desk with two keys, armed."""
    office = Office(tmp_path, accounts=(ACCOUNT, SECOND))
    await office.desk.arm()
    yield office
    office.close()


def apart(index, **changes):
    """A plan that shares no token, pool or lender with the plans of other indices."""
    return group_apart(index, index, **changes)


def sent_by(office):
    return [(decode(raw).sender, decode(raw).nonce) for raw in office.chain.sends]


async def test_plans_that_touch_the_same_thing_ride_on_one_key_in_order(office):
    await office.execute(make_plan(1), make_plan(2), make_plan(3))
    assert sent_by(office) == [(OPERATOR, 0), (OPERATOR, 1), (OPERATOR, 2)]


async def test_plans_that_share_nothing_are_spread_over_the_keys(office):
    await office.execute(apart(1), apart(2), apart(3), apart(4))
    assert sorted(sent_by(office)) == sorted([(OPERATOR, 0), (OTHER, 0), (OPERATOR, 1), (OTHER, 1)])


async def test_plans_linked_through_a_third_ride_together(office):
    """The second shares its debt token with the first and its collateral with the third."""
    first, link, third = apart(1), apart(2), apart(3)
    offer = replace(
        link.opportunity.offer,
        pay_token=first.opportunity.offer.pay_token,
        receive_token=third.opportunity.offer.receive_token,
    )
    link = replace(link, opportunity=replace(link.opportunity, offer=offer))
    await office.execute(first, link, third, apart(4))
    assert sorted(sent_by(office)) == sorted([(OPERATOR, 0), (OPERATOR, 1), (OPERATOR, 2), (OTHER, 0)])


async def test_a_key_with_something_stuck_is_passed_over(office):
    await office.execute(apart(1))
    office.chain.mine()
    await office.track()
    await office.execute(apart(2, at=target(102)))
    assert sent_by(office) == [(OPERATOR, 0), (OTHER, 0)]


async def test_a_plan_that_touches_what_is_about_to_land_rides_behind_it(office):
    await office.execute(apart(1))
    office.chain.mine()
    await office.track()
    await office.execute(group_apart(2, 1, at=target(102)), apart(3, at=target(102)))
    assert sorted(sent_by(office)) == sorted([(OPERATOR, 0), (OPERATOR, 1), (OTHER, 0)])


async def test_a_plan_that_touches_what_has_waited_for_two_blocks_is_not_held_up_by_it(office):
    await office.execute(apart(1))
    for _ in range(2):
        office.chain.mine()
        await office.track()

    await office.execute(group_apart(2, 1, at=target(103)))
    assert sent_by(office)[-1] == (OTHER, 0)


async def test_a_key_that_cannot_pay_is_passed_over_and_no_key_is_overdrawn(office):
    # a plan costs 700,000 * 2.265625 gwei = 1,585,937,500,000,000 at the worst; each key holds that once
    office.chain.wei = 1_585_937_500_000_000
    answers = await office.execute(apart(1), apart(2), apart(3))
    assert sorted(sent_by(office)) == sorted([(OPERATOR, 0), (OTHER, 0)])
    assert answers[2].reason is Reason.INSUFFICIENT_GAS_FUNDS
    assert answers[2].numbers["free_wei"] == 0


async def test_a_key_used_by_a_stranger_is_disarmed_and_the_other_goes_on(office):
    office.chain.mine(PoolTx(b"\x5a" * 32, OPERATOR, 0, COLLATERAL, b"", 3 * GWEI, GWEI))
    with structlog.testing.capture_logs() as logs:
        await office.track()

    assert [lane.disarmed for lane in office.lanes] == ["nonce 0 was used by a transaction that is not ours", None]
    assert office.desk.disarmed is None
    assert "lane_disarmed" in {line["event"] for line in logs}
    (sent,) = await office.execute(make_plan(1, at=target(102)))
    assert sent.status is Status.SENT
    assert sent_by(office) == [(OTHER, 0)]


async def test_nothing_is_signed_once_every_key_is_disarmed(office):
    for lane in office.lanes:
        lane.disarm("stolen")

    (declined,) = await office.execute(make_plan())
    assert (declined.reason, declined.numbers["why"]) == (Reason.DISARMED, "stolen")
    assert office.chain.sends == []


async def test_a_disarmed_keys_transactions_are_followed_to_their_end(office):
    await office.execute(make_plan())
    office.lanes[0].disarm("stolen")
    office.chain.mine_all()
    assert [outcome.status for outcome in await office.track()] == [Status.LANDED]


async def test_each_keys_nonces_are_its_own_over_a_restart(office):
    await office.execute(apart(1), apart(2))
    await office.reopen()
    await office.execute(apart(3, at=target(101)), apart(4, at=target(101)))
    assert sorted(sent_by(office)) == sorted([(OPERATOR, 0), (OTHER, 0), (OPERATOR, 1), (OTHER, 1)])
    office.chain.mine_all()
    assert {outcome.status for outcome in await office.track()} == {Status.LANDED}
    assert len(office.rows("outcomes")) == 4


async def test_a_refusal_on_one_key_leaves_the_others_plans_alone(office):
    send = office.chain.send_raw

    async def refuse_the_first_key(raw):
        refused = decode(raw).sender == OPERATOR
        office.chain.answer, office.chain.take = (Refusal.REJECTED, False) if refused else (None, True)
        return await send(raw)

    office.chain.send_raw = refuse_the_first_key
    answers = await office.execute(apart(1), apart(2))
    assert {answer.status for answer in answers} == {Status.REFUSED, Status.SENT}


async def test_a_signer_that_refuses_on_one_key_raises_what_it_said(office):
    office.outbox._signer._policy = replace(office.outbox._signer._policy, max_fee_wei=GWEI)
    with pytest.raises(SigningKeyError, match="the cap is"):
        await office.execute(apart(1), apart(2))


async def test_limits_are_asked_before_anything_is_written_and_told_before_anything_leaves(office):
    office.limits.refused = {("market", make_plan(2).opportunity.offer.key): "cooling down until 1_400"}
    _, declined = await office.execute(apart(1), apart(2))
    assert (declined.reason, declined.numbers["why"]) == (Reason.GOVERNED, "cooling down until 1_400")
    assert [row["id"] for row in office.rows("plans")] == ["plan-1"]
    (told,) = office.limits.sent
    assert told.raw == office.chain.sends[0]
    assert office.limits.asked[0] == (("market", make_plan(1).opportunity.offer.key), 1_585_937_500_000_000, 100)


async def test_limits_hear_of_bookings_and_of_bookings_taken_back(office):
    await office.execute(make_plan())
    office.chain.mine_all(fork=1)
    (outcome,) = await office.track()
    assert office.limits.outcomes == [(("market", make_plan().opportunity.offer.key), outcome)]
    office.chain.orphan(1)
    office.chain.mine(fork=2)
    await office.track()
    assert office.limits.orphans == [outcome.tx_hash]


async def test_limits_look_at_a_head_once_what_it_brought_is_booked(office):
    await office.execute(make_plan())
    office.chain.mine_all()
    await office.track()
    assert office.limits.heads == [(101, 1)]
    office.limits.held = ("loss limit reached",)
    assert office.desk.held == ("loss limit reached",)
