"""The governor over a real journal: what was mined there is all it goes by."""

from dataclasses import replace

import pytest

from keeper.chain.phrases import Refusal
from keeper.errors import SigningKeyError
from keeper.execution.base import Fees, SignedTx
from keeper.execution.booking import Settled
from keeper.execution.causes import Result
from keeper.execution.governor import Governor
from keeper.execution.switch import Order, Switch
from keeper.execution.thresholds import Thresholds
from keeper.types import Rejected, TokenAmount
from keeper.units import USD
from tests.fakes.desk import OPERATOR
from tests.fakes.plans import COLLATERAL, make_plan, position

# A transaction of the fake chain burns 400,000 gas at 2 gwei: 0.0008 of the native token, 1.60 dollars at 2,000.
THRESHOLDS = Thresholds(
    gas_budget_wei=10**18,
    max_loss_usd=1_000 * USD,
    max_drawdown_usd=1_000 * USD,
    max_reverts=2,
    revert_hold_s=600,
    max_per_minute=3,
    cooldown_s=120,
)
COST = 10**15
SENT = SignedTx("one", b"", b"", OPERATOR, 0, Fees(0, 0), 21_000)
FIRST, SECOND, THIRD = (("market", position(n)) for n in (1, 2, 3))


class Rule:
    """A governor over an office, asked at the office's head."""

    def __init__(self, office, limits=THRESHOLDS):
        self.office = office
        self.limits = limits
        self.switch = Switch(office.path.with_name("keeper.switch"))
        self.start()

    def start(self):
        now = self.office.chain.head.timestamp
        self.governor = Governor(self.office.journal, self.limits, self.switch, started_at=now)

    def on_head(self):
        self.governor.note_orphan(b"")  # whatever happened: look again
        self.governor.on_head(self.office.chain.head)
        return self.governor.held

    def refuses(self, subject=THIRD, cost_wei=COST):
        return self.governor.refuses(subject, cost_wei, self.office.chain.head)

    async def mined(self, index, **changes):
        """Plan, send and mine a liquidation of this position; then look."""
        await self.office.execute(make_plan(index, id=f"{index} at {self.office.chain.head.number}"))
        self.office.chain.mine_all(**changes)
        await self.office.track()
        self.on_head()


@pytest.fixture
def rule(office):
    return Rule(office)


# Thresholds on what happened ------------------------------------------------------------------------------------------


async def test_reverts_in_a_row_hold_everything_for_their_time(rule):
    for index in (1, 2):
        assert rule.refuses() is None
        await rule.mined(index, status=0)

    assert rule.governor.held == ("max_consecutive_reverts: reverted in 2 blocks in a row, the limit is 2",)
    assert "in 2 blocks in a row" in rule.refuses()
    rule.office.chain.mine(timestamp=rule.office.chain.head.timestamp + 600)
    assert rule.on_head() == ()
    assert rule.refuses() is None


async def test_a_hold_outlives_a_restart(rule):
    for index in (1, 2):
        await rule.mined(index, status=0)

    await rule.office.reopen()
    rule.start()
    assert rule.refuses() is not None


async def test_quiet_misses_are_no_reverts(rule):
    rule.office.settler.answer = Rejected("healthy again")
    for index in (1, 2, 3):
        await rule.mined(index)

    assert rule.governor.held == ()


async def test_what_misses_cost_is_a_loss(office):
    # Two misses cost 3.20 dollars.
    rule = Rule(office, replace(THRESHOLDS, max_loss_usd=3 * USD))
    office.settler.answer = Rejected("healthy again")
    await rule.mined(1)
    assert rule.governor.held == ()
    await rule.mined(2)
    assert rule.governor.held == ("max_loss_per_day: lost 3.20 USD within a day, 3.00 allowed",)


async def test_profit_that_was_only_expected_makes_up_for_nothing(office):
    # Planned: 100 dollars for 80 tokens. Got: one token, so 1.25 dollars, for 1.60 of gas.
    rule = Rule(office, replace(THRESHOLDS, max_drawdown_usd=30 * USD // 100))
    plan = make_plan(1)
    got = Result(plan.opportunity.settlement, TokenAmount(COLLATERAL, 1))
    office.settler.answer = Settled(got, got, touched_before=False)
    await rule.mined(1)
    assert rule.governor.held == ("max_drawdown: fell 0.35 USD from the peak, 0.30 allowed",)


async def test_a_booking_taken_back_counts_no_more(rule):
    await rule.mined(1, status=0)
    assert "cooldown_s" in rule.refuses(FIRST)
    rule.office.chain.orphan(1)
    rule.office.chain.mine(fork=1)
    await rule.office.track()
    rule.on_head()
    assert rule.refuses(FIRST) is None


# Budgets ------------------------------------------------------------------------------------------------------------


async def test_the_gas_budget_counts_what_was_spent_and_what_may_be(office):
    # Spent: 8e14. Asked: 1e15 each. 2.8e15 carries both, a wei less only the first.
    rule = Rule(office, replace(THRESHOLDS, gas_budget_wei=28 * 10**14))
    await rule.mined(1)
    assert rule.refuses(SECOND) is None
    assert rule.refuses(THIRD) is None
    rule.limits = replace(THRESHOLDS, gas_budget_wei=28 * 10**14 - 1)
    rule.start()
    rule.on_head()
    assert rule.refuses(SECOND) is None
    assert "gas_budget_per_day" in rule.refuses(THIRD)


async def test_what_is_in_flight_is_reserved_at_its_worst(office):
    await office.execute(make_plan())
    (row,) = office.rows("transactions")
    worst = row["gas_limit"] * int(row["max_fee_wei"])
    rule = Rule(office, replace(THRESHOLDS, gas_budget_wei=worst + COST - 1))
    rule.on_head()
    assert "gas_budget_per_day" in rule.refuses()


async def test_gas_of_yesterday_is_free_again(office):
    rule = Rule(office, replace(THRESHOLDS, gas_budget_wei=COST + 1))
    await rule.mined(1)
    assert rule.refuses() is not None
    office.chain.mine(timestamp=office.chain.head.timestamp + 86_400)
    rule.on_head()
    assert rule.refuses() is None


def test_a_minute_takes_so_many_transactions_cancels_included(rule):
    head = rule.office.chain.head
    for subject, plan in ((None, None), (FIRST, "one"), (SECOND, "two")):
        if subject is not None:
            assert rule.refuses(subject) is None

        rule.governor.note_sent(replace(SENT, plan_id=plan))

    assert "max_transactions_per_minute" in rule.refuses()
    rule.office.chain.mine(timestamp=head.timestamp + 60)
    rule.on_head()
    assert rule.refuses() is None


def test_plans_of_one_pass_share_the_minute(rule):
    answers = [rule.refuses(("market", position(n))) for n in range(1, 5)]
    assert [answer is None for answer in answers] == [True, True, True, False]


async def test_what_a_run_just_before_signed_counts_for_the_minute(rule):
    for index in (1, 2, 3):
        await rule.office.execute(make_plan(index))

    # The journal of the fake says that its run began at 1,700,000,000.
    again = Governor(rule.office.journal, THRESHOLDS, rule.switch, started_at=1_700_000_030)
    head = replace(rule.office.chain.head, timestamp=1_700_000_031)
    assert "max_transactions_per_minute" in again.refuses(THIRD, 0, head)


async def test_what_a_run_just_before_signed_is_forgotten_after_a_minute_of_the_chain_whatever_the_hosts_clock(rule):
    """The host's clock is far ahead of the chain's: what it stamped would never be a minute ago."""
    for index in (1, 2, 3):
        await rule.office.execute(make_plan(index))

    again = Governor(rule.office.journal, THRESHOLDS, rule.switch, started_at=1_700_000_030)
    early = replace(rule.office.chain.head, timestamp=1_600_000_000)
    assert "max_transactions_per_minute" in again.refuses(THIRD, 0, early)
    assert again.refuses(THIRD, 0, replace(early, timestamp=1_600_000_060)) is None


# Cooldown -----------------------------------------------------------------------------------------------------------


async def test_a_position_rests_after_a_revert_and_others_go_on(rule):
    await rule.mined(1, status=0)
    assert "cooldown_s" in rule.refuses(FIRST)
    assert rule.refuses(SECOND) is None
    rule.office.chain.mine(timestamp=rule.office.chain.head.timestamp + 120)
    rule.on_head()
    assert rule.refuses(FIRST) is None


@pytest.mark.parametrize("answer", [Refusal.AMBIGUOUS, Refusal.REJECTED])
async def test_a_position_does_not_rest_after_a_node_failed(rule, answer):
    rule.office.chain.answer, rule.office.chain.take = answer, False
    await rule.office.execute(make_plan(1))
    rule.on_head()
    assert rule.refuses(FIRST) is None


# The operator -------------------------------------------------------------------------------------------------------


def test_a_pause_holds_from_the_next_plan_on_and_a_resume_lets_go(rule):
    assert rule.refuses(FIRST) is None
    rule.switch.write(Order.PAUSE, "odd prices", at=1)
    assert rule.refuses(SECOND) == "operator_pause: odd prices"
    assert rule.governor.killed is None
    rule.switch.write(Order.RESUME, "they are right", at=2)
    assert rule.refuses(SECOND) is None


def test_a_pause_with_an_end_ends(rule):
    now = rule.office.chain.head.timestamp
    rule.switch.write(Order.PAUSE, "maintenance", at=1, until=now + 100)
    assert rule.on_head() == ("operator_pause: maintenance",)
    rule.office.chain.mine(timestamp=now + 100)
    assert rule.on_head() == ()


def test_a_touched_file_pauses_until_it_is_gone(rule):
    rule.switch.path.touch()
    assert rule.refuses() is not None
    rule.switch.path.unlink()
    assert rule.refuses() is None


async def test_a_pause_outlives_its_file_over_a_restart(rule):
    rule.switch.write(Order.PAUSE, "odd prices", at=1)
    rule.on_head()
    rule.switch.path.unlink()
    await rule.office.reopen()
    rule.start()
    assert rule.refuses() == "operator_pause: odd prices"


async def test_a_kill_refuses_every_later_start_until_it_is_taken_back(rule):
    rule.switch.write(Order.KILL, "stolen laptop", at=1)
    rule.on_head()
    assert rule.governor.killed == "killed by the operator: stolen laptop"
    await rule.office.reopen()
    rule.switch.path.unlink()
    rule.start()
    with pytest.raises(SigningKeyError, match="stolen laptop"):
        rule.governor.refuse_killed()

    rule.switch.write(Order.RESUME, "a false alarm", at=2)
    rule.start()
    rule.governor.refuse_killed()


async def test_a_resume_is_not_heard_twice(rule):
    rule.switch.write(Order.RESUME, "go", at=1)
    rule.on_head()
    await rule.mined(1, status=0)
    await rule.mined(2, status=0)
    await rule.office.reopen()
    rule.start()
    assert rule.on_head() != ()
