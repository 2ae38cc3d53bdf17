from dataclasses import replace

import pytest
import structlog

from keeper.chain.phrases import Refusal
from keeper.errors import JournalError, SigningKeyError
from keeper.execution.base import Outcome, Status
from keeper.execution.governor import Governor
from keeper.execution.switch import Order, Switch
from keeper.planning.underway import Underway
from keeper.types import Declined, Reason, Returned
from keeper.units import GWEI, USD
from tests import canary
from tests.fakes.desk import OPERATOR, Office
from tests.fakes.heads import head, target
from tests.fakes.ledger_chain import decode
from tests.fakes.limits import FakeVigil
from tests.fakes.plans import EXECUTOR, make_plan, position
from tests.unit.execution.test_governor import THRESHOLDS


def word(value):
    return value.to_bytes(32, "big")


async def test_a_live_plan_is_sent_to_the_executor_on_the_next_nonce(office):
    (found,) = await office.execute(make_plan())
    (sent,) = office.chain.pool.values()
    assert isinstance(found, Outcome)
    assert (found.status, found.tx_hash) == (Status.SENT, sent.hash)
    assert (sent.sender, sent.to, sent.nonce, sent.data) == (OPERATOR, EXECUTOR, 0, make_plan().data)
    # base fee 1 gwei, two full blocks more: 1.265625 gwei, and the tip of 1 gwei
    assert (sent.max_fee_wei, sent.tip_wei) == (2_265_625_000, GWEI)
    assert office.statuses() == ["sent"]


async def test_plans_of_one_block_get_nonces_in_their_order(office):
    await office.execute(make_plan(1), make_plan(2), make_plan(3))
    assert [decode(raw).nonce for raw in office.chain.sends] == [0, 1, 2]
    assert [row["position"][-1] for row in office.report()] == ["1", "2", "3"]


async def test_a_dry_run_journals_and_simulates_and_sends_nothing(dry):
    (found,) = await dry.execute(make_plan())
    assert found.status is Status.DRY_RUN
    assert len(dry.chain.simulations) == 1
    assert dry.chain.sends == []
    assert dry.statuses() == ["dry_run"]
    assert dry.rows("transactions") == []


@pytest.mark.parametrize("order", [Order.PAUSE, Order.KILL])
async def test_the_operators_word_holds_a_dry_run_too_and_ends_none(tmp_path, order):
    office = Office(tmp_path, live=False)
    switch = Switch(tmp_path / "switch")
    office.desk._limits = Governor(office.journal, THRESHOLDS, switch, started_at=office.chain.head.timestamp)
    switch.write(order, "odd prices", at=1)
    (declined,) = await office.execute(make_plan())
    assert (declined.reason, "odd prices" in declined.numbers["why"]) == (Reason.GOVERNED, True)
    assert "odd prices" in office.desk.held[0]
    assert office.desk.killed is None
    switch.write(Order.RESUME, "explained", at=2)
    (found,) = await office.execute(make_plan())
    assert found.status is Status.DRY_RUN
    office.close()


async def test_a_dry_run_reports_a_failed_simulation_too(dry):
    dry.chain.simulated[make_plan().data] = Returned(ok=False, data=b"\x01")
    (found,) = await dry.execute(make_plan())
    assert found.status is Status.SIMULATION_FAILED
    assert dry.statuses() == ["simulation_failed"]


async def test_a_dry_run_tracks_nothing_and_is_idle(dry):
    await dry.execute(make_plan())
    assert await dry.track() == []
    assert dry.desk.is_idle()
    assert await dry.desk.runway(dry.chain.head) is None


async def test_a_dry_run_plans_a_position_again_when_a_live_run_would(dry):
    await dry.execute(make_plan())  # would have been good up to 103
    assert dry.desk.in_flight(head(102)) == {("market", position(1))}
    (found,) = await dry.execute(replace(make_plan(), id="again"))
    assert found.reason is Reason.IN_FLIGHT
    assert dry.desk.in_flight(head(103)) == frozenset()


async def test_nothing_is_sent_when_the_simulation_reverts(office):
    office.chain.simulated[make_plan().data] = Returned(ok=False, data=b"\xab")
    (found,) = await office.execute(make_plan())
    assert found.status is Status.SIMULATION_FAILED
    assert office.chain.sends == []
    (row,) = office.report()
    assert (row["status"], row["reason"]) == ("simulation_failed", "simulation_failed: revert market: 0xab")


async def test_nothing_is_sent_when_the_simulated_profit_differs(office):
    office.chain.simulated[make_plan().data] = Returned(ok=True, data=word(79))
    await office.execute(make_plan())
    assert office.chain.sends == []
    (row,) = office.report()
    assert row["reason"] == "simulation_differs: expected_profit 80, simulated_profit 79"


async def test_a_later_plan_too_has_to_earn_what_the_model_says_behind_the_ones_before_it(office):
    office.chain.simulated[make_plan(2).data] = Returned(ok=True, data=word(79))
    await office.execute(make_plan(1), make_plan(2))
    assert office.statuses() == ["sent", "simulation_failed"]


async def test_a_plan_behind_one_that_was_not_priced_still_only_has_to_go_through(office):
    first = make_plan(1)
    first = replace(first, opportunity=replace(first.opportunity, profit_usd=0))
    office.chain.simulated[make_plan(2).data] = Returned(ok=True, data=word(79))
    declined, sent = await office.execute(first, make_plan(2))
    assert isinstance(declined, Declined)
    assert sent.status is Status.SENT


async def test_one_failing_plan_does_not_stop_the_others(office):
    office.chain.simulated[make_plan(2).data] = Returned(ok=False, data=b"\xab\xcd")
    found = await office.execute(make_plan(1), make_plan(2), make_plan(3))
    assert [each.status.value for each in found] == ["sent", "simulation_failed", "sent"]
    assert [decode(raw).nonce for raw in office.chain.sends] == [0, 1]


async def test_nothing_is_sent_when_the_profit_is_below_the_minimum_after_gas(office):
    plan = make_plan(at=target(base_fee_wei=95 * GWEI * 2))
    (found,) = await office.execute(plan)
    assert isinstance(found, Declined)
    assert found.reason is Reason.BELOW_MIN_PROFIT
    assert office.chain.sends == []
    assert office.rows("plans") == []


async def test_nothing_is_sent_when_the_key_cannot_pay_for_the_worst(office):
    # 700,000 gas at 2.265625 gwei are 1,585,937,500,000,000 wei
    office.chain.wei = 1_585_937_500_000_000 - 1
    (found,) = await office.execute(make_plan())
    assert found.reason is Reason.INSUFFICIENT_GAS_FUNDS
    assert found.numbers["needed_wei"] == 1_585_937_500_000_000
    assert office.chain.sends == []


async def test_plans_of_one_block_share_the_keys_funds(office):
    office.chain.wei = 2 * 1_585_937_500_000_000 - 1
    first, second = await office.execute(make_plan(1), make_plan(2))
    assert first.status is Status.SENT
    assert second.reason is Reason.INSUFFICIENT_GAS_FUNDS


async def test_what_is_in_flight_is_counted_against_the_keys_funds(office):
    office.chain.wei = 2 * 1_585_937_500_000_000 - 1
    await office.execute(make_plan(1))
    (found,) = await office.execute(make_plan(2))
    assert found.reason is Reason.INSUFFICIENT_GAS_FUNDS


async def test_a_position_in_flight_is_not_planned_again(office):
    await office.execute(make_plan(1))
    assert office.desk.in_flight(office.chain.head) == {("market", position(1))}
    (found,) = await office.execute(replace(make_plan(1), id="plan-1b"))
    assert found.reason is Reason.IN_FLIGHT
    assert len(office.chain.sends) == 1


async def test_what_is_in_flight_goes_before_anything_new_in_its_order(office):
    await office.execute(make_plan(1), make_plan(2))

    ahead = office.desk.ahead(office.chain.head)
    await office.execute(make_plan(3))

    assert ahead == (Underway.of(make_plan(1).opportunity), Underway.of(make_plan(2).opportunity))
    run = [call.data for call, _, _ in office.chain.simulations[-3:]]
    assert run == [make_plan(index).data for index in (1, 2, 3)]
    assert {call.sender for call, _, _ in office.chain.simulations} == {OPERATOR}


async def test_what_was_mined_does_not_go_before_anything_new(office):
    await office.execute(make_plan(1))
    office.chain.mine_all()
    await office.track()
    assert office.desk.ahead(office.chain.head) == ()


async def test_a_dry_run_plans_behind_what_it_would_have_sent(dry):
    await dry.execute(make_plan(1))
    assert dry.desk.ahead(head(102)) == (Underway.of(make_plan(1).opportunity),)
    await dry.execute(make_plan(2))
    assert [call.data for call, _, _ in dry.chain.simulations[-2:]] == [make_plan(1).data, make_plan(2).data]
    assert dry.desk.ahead(head(103)) == ()


async def test_nothing_is_signed_before_arming(tmp_path):
    office = Office(tmp_path)
    (found,) = await office.execute(make_plan())
    office.close()
    assert found.reason is Reason.DISARMED
    assert office.chain.sends == []


async def test_a_delegated_key_does_not_arm(tmp_path):
    office = Office(tmp_path)
    office.chain.account_code = bytes.fromhex("ef0100") + b"\x77" * 20
    with pytest.raises(SigningKeyError, match="7702"):
        await office.desk.arm()

    office.close()


async def test_a_key_delegated_while_running_is_disarmed(office):
    office.chain.account_code = bytes.fromhex("ef0100") + b"\x77" * 20
    await office.track()
    assert "7702" in office.desk.disarmed
    (found,) = await office.execute(make_plan())
    assert found.reason is Reason.DISARMED


async def test_doubts_about_the_chain_disarm_until_they_are_gone(office):
    """What is in flight is followed meanwhile: whoever doubts a head may still hear of a receipt."""
    await office.execute(make_plan(1))
    vigil = FakeVigil(("another fork: a has another block 7",))
    office.desk._vigils = (vigil,)
    office.chain.mine_all()
    booked = await office.track()
    (refused,) = await office.execute(make_plan(2))
    held = office.desk.held
    vigil.answer = ()
    office.chain.mine()
    await office.track()
    (sent,) = await office.execute(make_plan(2))

    assert [outcome.status for outcome in booked] == [Status.LANDED]
    assert (refused.reason, refused.numbers["why"]) == (Reason.DISARMED, "another fork: a has another block 7")
    assert held == ("another fork: a has another block 7",)
    assert (sent.status, office.desk.disarmed) == (Status.SENT, None)


async def test_nothing_leaves_when_the_journal_cannot_be_written(office):
    office.journal._database._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(JournalError, match="refused a write"):
        await office.execute(make_plan())

    assert office.chain.sends == []


async def test_nothing_leaves_when_the_disk_is_full_and_it_goes_on_when_there_is_room(office):
    connection = office.journal._database._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    plan = make_plan(1)
    with pytest.raises(JournalError, match="full"):
        await office.execute(replace(plan, data=plan.data + bytes(20_000)))

    assert office.chain.sends == []
    connection.execute(f"PRAGMA max_page_count = {pages + 1_000}")
    (sent,) = await office.execute(make_plan(2))
    assert sent.status is Status.SENT


async def test_no_log_line_shows_the_key_or_what_was_signed(office):
    with structlog.testing.capture_logs() as logs:
        await office.execute(make_plan(1))
        for _ in range(6):
            office.chain.mine()
            await office.track()

    assert {"transaction_submitted", "plan_cancelled"} <= {line["event"] for line in logs}
    for secret in (canary.KEY, *office.chain.sends):
        assert secret.hex() not in str(logs)


async def test_nothing_leaves_when_the_signed_bytes_cannot_be_written(office):
    office.journal._database._connection.execute(
        "CREATE TRIGGER full BEFORE INSERT ON transactions BEGIN SELECT RAISE(ABORT, 'disk full'); END"
    )
    with pytest.raises(JournalError, match="disk full"):
        await office.execute(make_plan())

    assert office.chain.sends == []
    assert office.statuses() == ["planned"]


@pytest.mark.parametrize(
    "refusal", [Refusal.INSUFFICIENT_FUNDS, Refusal.FEE_TOO_LOW, Refusal.REJECTED, Refusal.UNREACHED]
)
async def test_a_refused_plan_gives_its_nonce_to_the_next(office, refusal):
    office.chain.answer, office.chain.take = refusal, False
    (found,) = await office.execute(make_plan(1))
    assert found.status is Status.REFUSED
    assert office.statuses() == ["refused"]
    office.chain.answer, office.chain.take = None, True
    await office.execute(make_plan(2))
    assert [decode(raw).nonce for raw in office.chain.sends] == [0, 0]
    assert office.statuses() == ["refused", "sent"]


async def test_a_lost_answer_is_settled_by_looking_the_hash_up(office):
    office.chain.answer = Refusal.AMBIGUOUS  # the pool took it
    (found,) = await office.execute(make_plan(1))
    assert found.status is Status.SENT
    assert office.states() == ["sent"]
    assert len(office.chain.sends) == 1


async def test_a_lost_request_keeps_the_nonce(office):
    office.chain.answer, office.chain.take = Refusal.AMBIGUOUS, False
    (found,) = await office.execute(make_plan(1))
    assert found.status is Status.SENT
    assert office.states() == ["ambiguous"]
    office.chain.answer, office.chain.take = None, True
    await office.execute(make_plan(2))
    assert [decode(raw).nonce for raw in office.chain.sends] == [0, 1]


async def test_a_plan_whose_fees_the_signer_refuses_leaves_no_nonce_behind(office):
    office.outbox._signer._policy = replace(office.outbox._signer._policy, max_fee_wei=GWEI)
    with pytest.raises(SigningKeyError, match="the cap is"):
        await office.execute(make_plan(1))

    assert office.outbox.ledger.in_flight == ()
    assert office.chain.sends == []


async def test_the_journal_is_ahead_of_every_send(office):
    """What is durable when the bytes leave: the plan with its numbers, and the very bytes."""
    seen = []
    send = office.chain.send_raw

    async def look(raw):
        rows = office.rows("transactions")
        seen.append((office.rows("plans")[-1]["profit"], rows[-1]["raw"] == raw, rows[-1]["status"]))
        assert not office.journal._database._connection.in_transaction
        return await send(raw)

    office.chain.send_raw = look
    await office.execute(make_plan(1), make_plan(2))
    assert seen == [("80", True, "signed")] * 2


async def test_a_short_runway_is_warned_about_once_in_a_while(office):
    await office.execute(make_plan())
    office.chain.mine_all()
    await office.track()
    office.chain.wei = 1
    with structlog.testing.capture_logs() as logs:
        for _ in range(60):
            office.chain.mine()
            await office.track()

    warnings = [line for line in logs if line["event"] == "gas_runway_short"]
    # 400,000 gas at base fee 1 and tip 1 gwei
    assert [(line["days"], line["daily_wei"]) for line in warnings] == [(0, 800_000_000_000_000)]


async def test_the_runway_counts_days_at_the_last_weeks_rate(office):
    await office.execute(make_plan())
    office.chain.mine_all()
    await office.track()
    office.chain.wei = 8_000_000_000_000_000
    found = await office.desk.runway(office.chain.head)
    # 0.0008 a day of 0.008: a window shorter than a day counts as one
    assert (found.daily_wei, found.days) == (800_000_000_000_000, 10)


async def test_answers_come_in_the_order_of_the_plans(office):
    office.chain.simulated[make_plan(2).data] = Returned(ok=False, data=b"")
    poor = make_plan(3)
    poor = replace(poor, opportunity=replace(poor.opportunity, profit_usd=5 * USD))
    found = await office.execute(make_plan(1), make_plan(2), poor, make_plan(4))
    assert [getattr(each, "status", None) or each.reason for each in found] == [
        Status.SENT,
        Status.SIMULATION_FAILED,
        Reason.BELOW_MIN_PROFIT,
        Status.SENT,
    ]


async def test_no_plans_need_no_answers_and_no_reads(office):
    assert await office.execute() == []
    assert office.chain.simulations == []
