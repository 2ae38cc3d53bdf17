import pytest
import structlog

from keeper.chain.phrases import Refusal
from keeper.errors import DecodeError, RpcError, SigningKeyError
from keeper.execution.base import Status
from keeper.execution.booking import Settled
from keeper.execution.causes import Result
from keeper.types import Payment, Reason, Rejected, Returned, Settlement, TokenAmount
from keeper.units import GWEI
from tests.fakes.desk import CONFIRMATIONS, OPERATOR, Office
from tests.fakes.heads import target
from tests.fakes.ledger_chain import PoolTx, decode
from tests.fakes.plans import COLLATERAL, DEBT, POOL, make_plan, position

STRANGER = PoolTx(b"\x5a" * 32, OPERATOR, 0, COLLATERAL, b"", 3 * GWEI, GWEI)


def result(repaid, profit):
    settlement = Settlement((Payment(DEBT, repaid, repaid, POOL),), (TokenAmount(COLLATERAL, 1_100),))
    return Result(settlement, TokenAmount(COLLATERAL, profit))


async def pass_blocks(office, count, **changes):
    """Empty blocks, each tracked; everything booked on the way."""
    outcomes = []
    for _ in range(count):
        office.chain.mine(**changes)
        outcomes += await office.track()

    return outcomes


# Booking --------------------------------------------------------------------------------------------------------


async def test_a_landed_plan_is_booked_with_what_was_realised(office):
    await office.execute(make_plan())
    office.chain.mine_all()
    (outcome,) = await office.track()
    assert (outcome.status, outcome.block_number, outcome.cause) == (Status.LANDED, 101, None)
    (row,) = office.report()
    assert (row["status"], row["repaid"], row["seized"], row["realised_profit"]) == ("landed", "1000", "1100", "80")
    assert (row["gas_used"], row["block"]) == (400_000, 101)
    assert office.desk.is_idle()


async def test_a_landed_plan_is_booked_once(office):
    await office.execute(make_plan())
    office.chain.mine_all()
    assert len(await office.track()) == 1
    assert await pass_blocks(office, CONFIRMATIONS + 2) == []
    assert len(office.settler.asked) == 1


async def test_the_settler_is_given_the_plan_the_receipt_and_the_block(office):
    await office.execute(make_plan())
    block = office.chain.mine_all()
    await office.track()
    ((plan, receipt, given),) = office.settler.asked
    assert plan == office.journal.plan("plan-1")
    assert (receipt.block_hash, given) == (block.hash, block)


async def test_a_difference_is_booked_with_its_cause(office):
    office.settler.answer = Settled(result(1_001, 79), result(1_001, 79), touched_before=True)
    await office.execute(make_plan())
    office.chain.mine_all()
    (outcome,) = await office.track()
    assert outcome.cause == "touched_earlier_in_block"
    (row,) = office.report()
    assert (row["repaid"], row["expected_profit"], row["settled_profit"], row["realised_profit"]) == (
        "1001",
        "80",
        "79",
        "79",
    )
    assert row["reason"] == "touched_earlier_in_block"


async def test_a_plan_that_landed_late_says_so(office):
    office.settler.answer = Settled(result(1_001, 79), result(1_001, 79), touched_before=False)
    await office.execute(make_plan())
    office.chain.mine()
    await office.track()
    office.chain.mine_all()
    (outcome,) = await office.track()
    assert (outcome.block_number, outcome.cause) == (102, "landed_in_other_block")


async def test_a_plan_whose_predecessor_did_not_land_says_so(office):
    await office.execute(make_plan(1), make_plan(2))
    office.settler.answer = Settled(result(1_001, 79), result(1_001, 79), touched_before=False)
    first, second = office.chain.pool
    office.chain.mine(first, second)
    office.chain.move_receipt(first, status=0)
    _, outcome = await office.track()
    assert outcome.cause == "own_earlier_plan_missing"


async def test_a_model_that_differs_from_the_chain_raises_the_alarm(office):
    office.settler.answer = Settled(result(1_000, 80), result(1_001, 79), touched_before=False)
    await office.execute(make_plan())
    office.chain.mine_all()
    with structlog.testing.capture_logs() as logs:
        (outcome,) = await office.track()

    assert outcome.cause == "model_differs"
    assert ("settlement_differs", "error") in {(line["event"], line["log_level"]) for line in logs}


async def test_a_mined_plan_the_protocol_ignored_is_missed(office):
    office.settler.answer = Rejected("nothing to liquidate")
    await office.execute(make_plan())
    office.chain.mine_all()
    (outcome,) = await office.track()
    assert (outcome.status, outcome.reason) == (Status.MISSED, "nothing to liquidate")
    assert office.report()[0]["realised_profit"] is None


async def test_a_reverted_plan_is_run_again_on_its_parent_to_learn_why(office):
    await office.execute(make_plan())
    block = office.chain.mine(*office.chain.pool, status=0, timestamp=1_215)
    office.chain.simulated[make_plan().data] = Returned(ok=False, data=b"\xab")
    (outcome,) = await office.track()
    assert (outcome.status, outcome.reason) == (Status.REVERTED, "market: 0xab")
    _, parent, hypothesis = office.chain.simulations[-1]
    assert parent.hash == block.parent_hash
    assert (hypothesis.target.number, hypothesis.target.timestamp) == (block.number, 1_215)
    assert office.settler.asked == []


@pytest.mark.parametrize(
    ("again", "reason"),
    [
        (Returned(ok=True, data=b""), "reverted; it would have gone through as the first of its block"),
        (RpcError("pruned"), "reverted; the node cannot run it again"),
    ],
)
async def test_a_revert_that_cannot_be_explained_is_booked_all_the_same(office, again, reason):
    await office.execute(make_plan())
    office.chain.mine(*office.chain.pool, status=0)
    office.chain.simulated[make_plan().data] = again
    (outcome,) = await office.track()
    assert outcome.reason == reason


async def test_a_landing_that_cannot_be_settled_is_booked_without_numbers(office):
    office.settler.answer = DecodeError("no such event")
    await office.execute(make_plan())
    office.chain.mine_all()
    (outcome,) = await office.track()
    assert (outcome.status, outcome.cause, outcome.realised) == (Status.LANDED, "not_settled", None)


async def test_a_node_that_cannot_answer_delays_the_booking(office):
    office.settler.answer = RpcError("rate limited")
    await office.execute(make_plan())
    office.chain.mine_all()
    with structlog.testing.capture_logs() as logs:
        assert await office.track() == []

    assert "tracking_delayed" in {line["event"] for line in logs}
    office.settler.answer = None
    office.chain.mine()
    (outcome,) = await office.track()
    assert (outcome.status, outcome.block_number) == (Status.LANDED, 101)


async def test_a_booking_becomes_final_under_enough_blocks(office):
    await office.execute(make_plan())
    office.chain.mine_all()
    await office.track()
    await pass_blocks(office, CONFIRMATIONS - 1)
    assert office.states() == ["included"]
    await pass_blocks(office, 1)
    assert office.states() == ["final"]
    assert office.outbox.ledger.in_flight == ()


# Reorgs ---------------------------------------------------------------------------------------------------------


async def test_a_booking_that_is_reorganised_away_is_in_flight_again_and_offered_again(office):
    await office.execute(make_plan())
    office.chain.mine_all()
    await office.track()
    office.chain.orphan(1)
    office.chain.mine(fork=1)
    assert await office.track() == []
    assert office.statuses() == ["sent"]
    assert office.desk.in_flight(office.chain.head) == {("market", position(1))}
    assert office.chain.sends[0] == office.chain.sends[-1]
    assert len(office.chain.sends) == 2


async def test_a_transaction_mined_again_with_another_result_is_booked_anew(office):
    await office.execute(make_plan())
    (tx,) = office.chain.pool
    kept = office.chain.pool[tx]
    office.chain.mine_all()
    await office.track()
    office.chain.orphan(1)
    office.chain.mine(kept, status=0, fork=1)
    (outcome,) = await office.track()
    assert outcome.status is Status.REVERTED
    (row,) = office.report()
    assert (row["status"], row["realised_profit"]) == ("reverted", None)
    assert [(r["status"], r["canonical"]) for r in office.rows("outcomes")] == [("landed", 0), ("reverted", 1)]


async def test_a_reorg_seen_two_heads_late_is_corrected(office):
    """The tracker may miss heads: it must not take a fork's child for the child of what it saw."""
    await office.execute(make_plan())
    office.chain.mine_all()
    await office.track()
    office.chain.orphan(1)
    office.chain.mine(fork=1)
    office.chain.mine()
    await office.track()
    assert office.statuses() == ["sent"]


async def test_a_reorg_elsewhere_leaves_a_booking_alone(office):
    await office.execute(make_plan())
    office.chain.mine_all()
    await office.track()
    await pass_blocks(office, 1)
    office.chain.orphan(1)
    office.chain.mine(fork=1)
    assert await office.track() == []
    assert office.statuses() == ["landed"]


async def test_a_booking_reorganised_away_too_late_to_succeed_is_cancelled(office):
    await office.execute(make_plan())
    office.chain.mine_all()
    await office.track()
    office.chain.orphan(1)
    office.chain.mine(fork=1, timestamp=target().expires_at)
    await office.track()
    cancel = decode(office.chain.sends[-1])
    assert (cancel.to, cancel.data, cancel.nonce) == (OPERATOR, b"", 0)


async def test_a_cancel_reorganised_away_lets_the_plan_come_back(office):
    await office.execute(make_plan())
    (tx,) = office.chain.pool
    kept = office.chain.pool[tx]
    await pass_blocks(office, 3)
    office.chain.mine_all()
    assert (await office.track())[0].status is Status.EXPIRED
    office.chain.orphan(1)
    office.chain.mine(kept, status=0, fork=1)
    (outcome,) = await office.track()
    assert (outcome.status, outcome.tx_hash) == (Status.REVERTED, tx)
    assert office.statuses() == ["reverted"]
    assert office.states() == ["included", "replaced", "replaced"]  # the rung it climbed, and the cancel


# Late -----------------------------------------------------------------------------------------------------------


async def test_a_pending_plan_is_offered_again_while_it_can_succeed(office):
    await office.execute(make_plan())
    office.chain.pool.clear()  # evicted
    await pass_blocks(office, 1)
    assert office.chain.sends == [office.chain.sends[0]] * 2
    office.chain.mine_all()
    assert [o.status for o in await office.track()] == [Status.LANDED]


async def test_a_plan_whose_last_block_has_passed_is_cancelled_at_its_nonce(office):
    await office.execute(make_plan())  # aims for 101, may land up to 103
    await pass_blocks(office, 2)
    assert len({decode(raw).data for raw in office.chain.sends}) == 1
    await pass_blocks(office, 1)
    plan, cancel = decode(office.chain.sends[0]), decode(office.chain.sends[-1])
    assert (cancel.sender, cancel.to, cancel.nonce, cancel.data) == (OPERATOR, OPERATOR, 0, b"")
    # left out of 102 although it could pay, the plan climbed one rung; the cancel outbids that
    assert cancel.max_fee_wei >= -(-plan.max_fee_wei * 81 // 64)
    assert cancel.tip_wei == plan.tip_wei * 81 // 64
    assert office.states() == ["cancelled", "cancelled", "sent"]
    assert office.statuses() == ["sent"]  # it may still land, as a revert
    assert office.desk.in_flight(office.chain.head) == frozenset()
    assert not office.desk.is_idle()


async def test_a_plan_whose_time_has_passed_is_cancelled(office):
    await office.execute(make_plan())
    await pass_blocks(office, 1, timestamp=target().expires_at)
    assert decode(office.chain.sends[-1]).to == OPERATOR


async def test_a_mined_cancel_ends_the_plan_as_expired_and_leaves_no_gap(office):
    await office.execute(make_plan())
    await pass_blocks(office, 3)
    office.chain.mine_all()
    (outcome,) = await office.track()
    assert (outcome.status, outcome.plan_id) == (Status.EXPIRED, "plan-1")
    (row,) = office.report()
    assert row["status"] == "expired"
    assert "cancelled" in row["reason"]
    assert row["gas_used"] == 400_000  # what the cancel cost, as the fake chain has it
    assert office.states() == ["replaced", "replaced", "included"]
    assert office.desk.is_idle()
    await office.execute(make_plan(2, at=target(105)))
    assert decode(office.chain.sends[-1]).nonce == 1


async def test_a_plan_that_outruns_its_cancel_is_booked_as_what_it_did(office):
    await office.execute(make_plan())
    (tx,) = office.chain.pool
    kept = office.chain.pool[tx]
    await pass_blocks(office, 3)
    office.chain.mine(kept, status=0)
    (outcome,) = await office.track()
    assert (outcome.status, outcome.tx_hash) == (Status.REVERTED, tx)
    assert office.states() == ["included", "replaced", "replaced"]


async def test_a_stuck_cancel_offers_more_after_some_heads(office):
    await office.execute(make_plan())
    await pass_blocks(office, 3)
    first = decode(office.chain.sends[-1])
    await pass_blocks(office, 2)
    assert decode(office.chain.sends[-1]).hash == first.hash
    await pass_blocks(office, 1)
    second = decode(office.chain.sends[-1])
    assert second.max_fee_wei >= -(-first.max_fee_wei * 9 // 8)
    assert second.tip_wei >= -(-first.tip_wei * 9 // 8)
    assert second.nonce == 0


async def test_a_cancel_in_a_gas_spike_pays_the_new_base_fee(office):
    await office.execute(make_plan())
    await pass_blocks(office, 3, base_fee_wei=10 * GWEI)
    # the base fee of the next block is at most 10 gwei here (half-full blocks), three full ones more: 14.2 gwei
    assert decode(office.chain.sends[-1]).max_fee_wei >= 14 * GWEI


async def test_a_cancel_never_passes_its_cap(office):
    await office.execute(make_plan())
    with structlog.testing.capture_logs() as logs:
        await pass_blocks(office, 3, base_fee_wei=2_000 * GWEI)

    assert "cancel_too_dear" in {line["event"] for line in logs}
    assert {decode(raw).data for raw in office.chain.sends} == {make_plan().data}
    await pass_blocks(office, 1, base_fee_wei=GWEI)
    assert decode(office.chain.sends[-1]).to == OPERATOR


# Ambiguous, refused, foreign --------------------------------------------------------------------------------------


async def test_a_lost_answer_is_settled_by_the_receipt(office):
    office.chain.answer = Refusal.AMBIGUOUS  # it was taken, the answer was lost
    await office.execute(make_plan())
    office.chain.answer = None
    office.chain.mine_all()
    (outcome,) = await office.track()
    assert outcome.status is Status.LANDED
    assert len(office.chain.sends) == 1


async def test_a_lost_request_is_offered_again_as_the_same_bytes(office):
    office.chain.answer, office.chain.take = Refusal.AMBIGUOUS, False
    await office.execute(make_plan())
    office.chain.answer, office.chain.take = None, True
    await pass_blocks(office, 1)
    assert office.chain.sends == [office.chain.sends[0]] * 2
    assert office.states() == ["sent"]


async def test_a_used_nonce_at_first_send_is_settled_by_the_receipts(office):
    await office.execute(make_plan())
    (tx,) = office.chain.pool.values()
    office.chain.answer = Refusal.NONCE_TOO_LOW
    office.chain.mine(tx)
    (outcome,) = await office.track()
    assert outcome.status is Status.LANDED


async def test_a_transaction_that_landed_although_refused_is_booked(office):
    office.chain.answer = Refusal.REJECTED  # and taken all the same
    await office.execute(make_plan())
    assert office.states() == ["refused"]
    office.chain.mine_all()
    (outcome,) = await office.track()
    assert outcome.status is Status.LANDED
    assert office.statuses() == ["landed"]
    assert office.desk.disarmed is None


async def test_a_gap_under_what_is_in_flight_is_filled(office):
    office.chain.answer, office.chain.take = Refusal.REJECTED, False
    await office.execute(make_plan(1))
    office.chain.answer, office.chain.take = None, True
    await office.execute(make_plan(2), make_plan(3))
    office.outbox.ledger.release(0)  # as when a reorg takes back what the gap was filled with
    await pass_blocks(office, 1)
    assert office.outbox.ledger.gaps() == ()
    filler = decode(office.chain.sends[-1])
    assert (filler.nonce, filler.to) == (0, OPERATOR)


async def test_a_nonce_used_by_a_stranger_disarms(office):
    office.chain.mine(STRANGER)
    with structlog.testing.capture_logs() as logs:
        await office.track()

    assert "not ours" in office.desk.disarmed
    assert {"key_used_elsewhere", "lane_disarmed"} <= {line["event"] for line in logs}
    (found,) = await office.execute(make_plan())
    assert found.reason is Reason.DISARMED


async def test_a_plan_replaced_by_a_stranger_is_given_up_after_some_heads_and_disarms(office):
    await office.execute(make_plan())
    office.chain.mine(STRANGER)
    await office.track()
    await pass_blocks(office, 1)
    assert office.desk.disarmed is None  # a node may be behind with its receipts
    await pass_blocks(office, 1)
    assert "nonce 0 was used" in office.desk.disarmed
    (row,) = office.report()
    assert (row["status"], row["reason"]) == ("expired", "nonce 0 was used by a transaction that is not ours")
    assert office.states() == ["lost"]
    assert office.desk.is_idle()


async def test_receipts_that_lag_behind_the_nonce_do_not_disarm(office):
    await office.execute(make_plan())
    office.chain.mine_all()
    office.chain.hide_receipts = True
    await office.track()
    await pass_blocks(office, 1)
    office.chain.hide_receipts = False
    (outcome,) = await pass_blocks(office, 1)
    assert (outcome.status, outcome.block_number) == (Status.LANDED, 101)
    assert office.desk.disarmed is None


# Restarts -------------------------------------------------------------------------------------------------------


async def test_a_restart_books_what_landed_meanwhile(office):
    await office.execute(make_plan())
    office.chain.mine_all()
    await office.reopen()
    (outcome,) = await office.track()
    assert outcome.status is Status.LANDED
    assert office.report()[0]["realised_profit"] == "80"


async def test_a_restart_offers_what_a_node_forgot_again_and_signs_nothing_new_for_it(office):
    await office.execute(make_plan())
    await office.reopen()
    office.chain.pool.clear()
    await pass_blocks(office, 1)
    assert office.chain.sends == [office.chain.sends[0]] * 2
    await office.execute(make_plan(2, at=target(102)))
    assert decode(office.chain.sends[-1]).nonce == 1


async def test_a_restart_after_a_reorg_takes_the_booking_back(office):
    await office.execute(make_plan())
    office.chain.mine_all()
    await office.track()
    office.chain.orphan(1)
    office.chain.mine(fork=1)
    await office.reopen()
    await office.track()
    assert office.statuses() == ["sent"]


async def test_a_key_used_between_two_runs_is_disarmed_at_the_first_head(office):
    await office.execute(make_plan())
    office.chain.mine_all()
    await office.track()
    office.chain.foreign = 1  # nonce 1 was used while no keeper looked
    await office.reopen()
    await office.track()
    assert office.desk.disarmed == "nonce 1 was used by a transaction that is not ours"
    (found,) = await office.execute(make_plan(2, at=target(102)))
    assert found.reason is Reason.DISARMED


async def test_a_used_key_without_its_journal_does_not_arm(tmp_path):
    office = Office(tmp_path)
    office.chain.foreign = 4
    with pytest.raises(SigningKeyError, match="has sent 4 transactions, and this journal knows none"):
        await office.desk.arm()

    assert office.desk.disarmed == "not armed yet"
    office.close()


async def test_a_used_key_is_adopted_when_told_so_and_goes_on_from_its_nonce(tmp_path):
    office = Office(tmp_path)
    office.chain.foreign = 4
    await office.desk.arm(adopt=True)
    await office.track()
    await office.execute(make_plan())
    assert decode(office.chain.sends[-1]).nonce == 4
    await office.reopen()  # once is enough
    await office.track()
    assert office.desk.disarmed is None
    office.close()


async def test_two_plans_in_one_block_are_booked_in_nonce_order(office):
    await office.execute(make_plan(1), make_plan(2))
    office.chain.mine(*reversed(office.chain.pool))
    found = await office.track()
    assert [outcome.plan_id for outcome in found] == ["plan-1", "plan-2"]


async def test_a_head_without_anything_in_flight_asks_for_no_receipt(office):
    asked = []
    receipt = office.chain.receipt

    async def count(tx_hash):
        asked.append(tx_hash)
        return await receipt(tx_hash)

    office.chain.receipt = count
    await pass_blocks(office, 2)
    assert asked == []
