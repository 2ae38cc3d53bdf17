"""What waits and is stuck climbs as far as its profit allows; after that it is given up and its nonce used up."""

from dataclasses import replace

import pytest

from keeper.errors import RpcError
from keeper.execution.base import Status
from keeper.types import Returned
from keeper.units import GWEI
from tests.fakes.desk import OPERATOR
from tests.fakes.ledger_chain import decode
from tests.fakes.plans import make_plan, position

# The plan: 100 dollars are 0.05 native; 5 dollars are kept; 500,000 gas: the ceiling is 95 gwei. It bids 2.265625 gwei
# with a tip of 1, and may land up to block 103.
CEILING = 95 * GWEI


async def next_head(office, **changes):
    office.chain.mine(**changes)
    return await office.track()


def bids(office):
    return [(decode(raw).max_fee_wei, decode(raw).tip_wei) for raw in office.chain.sends]


async def test_a_plan_the_base_fee_priced_out_offers_enough_for_its_last_block(office):
    await office.execute(make_plan())
    await next_head(office, base_fee_wei=10 * GWEI)
    # 10 gwei for block 102, 11.25 for 103 if 102 is full; tip 1.125
    assert bids(office)[1:] == [(12_375_000_000, 1_125_000_000)]
    office.chain.mine_all(base_fee_wei=10 * GWEI)
    (outcome,) = await office.track()
    assert (outcome.status, outcome.gas_price_wei) == (Status.LANDED, 11_125_000_000)
    assert office.states() == ["replaced", "included"]


async def test_alternatives_of_a_nonce_are_declared_and_share_plan_and_last_block(office):
    await office.execute(make_plan())
    await next_head(office, base_fee_wei=10 * GWEI)
    first, second = office.journal.transactions.at_nonce(OPERATOR, 0)
    assert second.replaces == first.tx.hash
    assert (second.tx.plan_id, second.max_block, second.expires_at) == ("plan-1", first.max_block, first.expires_at)


async def test_a_plan_left_out_of_a_block_it_could_pay_for_offers_an_eighth_more(office):
    await office.execute(make_plan())
    await next_head(office)
    assert len(bids(office)) == 1  # it may have come too late for 101
    await next_head(office)
    # an eighth on 2.265625 gwei is more than base fee 1 for 103 and the tip of 1.125
    assert bids(office)[1:] == [(2_548_828_125, 1_125_000_000)]


async def test_no_rung_passes_the_ceiling_and_the_plan_is_cancelled_above_it(office):
    await office.execute(make_plan())
    await next_head(office, base_fee_wei=90 * GWEI)
    assert bids(office)[1:] == [(CEILING, 1_125_000_000)]
    await next_head(office, base_fee_wei=96 * GWEI)
    cancel = decode(office.chain.sends[-1])
    assert (cancel.to, cancel.nonce) == (OPERATOR, 0)
    assert office.states() == ["cancelled", "cancelled", "sent"]
    # Given up, and still in flight: one of its alternatives may land up to 103.
    assert office.desk.in_flight(office.chain.head) == {("market", position(1))}


async def test_a_plan_at_the_top_that_can_still_land_waits(office):
    await office.execute(make_plan())
    await next_head(office, base_fee_wei=90 * GWEI)  # climbs to the ceiling
    await next_head(office, base_fee_wei=90 * GWEI)
    assert len(office.chain.sends) == 2
    assert office.states() == ["sent", "sent"]


async def test_a_cancelled_plan_that_lands_all_the_same_is_booked(office):
    await office.execute(make_plan())
    (tx,) = office.chain.pool.values()
    await next_head(office, base_fee_wei=96 * GWEI)
    office.chain.mine(tx)
    (outcome,) = await office.track()
    assert outcome.status is Status.LANDED
    assert office.states() == ["included", "replaced"]


async def test_a_stuck_plan_that_would_fail_now_is_cancelled_instead_of_climbing(office):
    """A rival was faster: a transfer's gas is less than a revert's."""
    await office.execute(make_plan())
    office.chain.simulated[make_plan().data] = Returned(ok=False, data=b"")
    await next_head(office, base_fee_wei=10 * GWEI)
    assert decode(office.chain.sends[-1]).to == OPERATOR
    assert office.states() == ["cancelled", "sent"]


async def test_a_stuck_plan_nobody_can_rehearse_stays_as_it_is(office):
    await office.execute(make_plan())
    office.chain.simulated[make_plan().data] = RpcError("overloaded")
    await next_head(office, base_fee_wei=10 * GWEI)
    assert len(office.chain.sends) == 1
    assert office.states() == ["sent"]


async def test_plans_behind_one_another_climb_together(office):
    await office.execute(make_plan(1), make_plan(2))
    await next_head(office, base_fee_wei=10 * GWEI)
    assert [decode(raw).nonce for raw in office.chain.sends] == [0, 1, 0, 1]
    assert [tx.max_fee_wei for tx in office.chain.pool.values()] == [12_375_000_000] * 2


async def test_a_plan_too_late_does_not_climb(office):
    await office.execute(replace(make_plan(), max_block=101))
    await next_head(office, base_fee_wei=10 * GWEI)
    assert [decode(raw).to == OPERATOR for raw in office.chain.sends] == [False, True]


async def test_an_evicted_plan_is_sent_again_before_it_climbs(office):
    await office.execute(make_plan())
    office.chain.pool.clear()
    await next_head(office)
    office.chain.pool.clear()
    await next_head(office)
    assert office.chain.sends == [office.chain.sends[0]] * 3


@pytest.mark.parametrize("heads", [1, 2])
async def test_nothing_leaves_while_the_limits_say_so_and_bookings_go_on(office, heads):
    await office.execute(make_plan())
    office.limits.killed = "killed by the operator"
    for _ in range(heads):
        await next_head(office, base_fee_wei=10 * GWEI)

    assert len(office.chain.sends) == 1
    assert office.desk.disarmed == "killed by the operator"
    office.chain.mine_all()
    assert [outcome.status for outcome in await office.track()] == [Status.LANDED]
