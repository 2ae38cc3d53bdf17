"""Several plans in one transaction, from the desk to the books: one row each, whatever becomes of the others."""

from dataclasses import replace

import pytest

from keeper.execution.base import Status
from keeper.execution.bidding import bid
from keeper.execution.booking import Settled
from keeper.execution.causes import Result
from keeper.journal.plans import PricedPlan, items_of
from keeper.planning.underway import Underway
from keeper.types import Rejected, Returned, TokenAmount
from tests.fakes.desk import Office
from tests.fakes.heads import target
from tests.fakes.ledger_chain import LedgerChain
from tests.fakes.plans import NATIVE_USD, POLICIES, SELECTOR, make_plan, position

WHOLE = SELECTOR + b"all of them"


def batch(*indices, at=None):
    """A batch of these plans; each earns 80."""
    items = tuple(make_plan(index, at) for index in indices)
    opportunity = items[0].opportunity
    profit = TokenAmount(opportunity.profit.token, 80 * len(items))
    whole = replace(
        opportunity,
        profit=profit,
        gas=opportunity.gas * len(items),
        profit_usd=opportunity.profit_usd * len(items),
    )
    return replace(items[0], id="batch", opportunity=whole, data=WHOLE, gas_limit=1_500_000, items=items)


def word(value):
    return Returned(ok=True, data=value.to_bytes(32, "big"))


class Items:
    """Settles the items of a batch as told: a profit, or why there is none."""

    def __init__(self, *told):
        self.told = told

    async def settle(self, plan, receipt, block):
        assert receipt.block_hash == block.hash
        expected = Result(plan.expected, plan.profit)
        return Settled(expected, expected, touched_before=False)

    async def settle_items(self, plans, receipt, block):
        assert receipt.block_hash == block.hash
        found = []
        for plan, told in zip(plans, self.told, strict=True):
            if isinstance(told, str):
                found.append(Rejected(told))
                continue

            result = Result(plan.expected, TokenAmount(plan.profit.token, told))
            found.append(Settled(result, result, touched_before=False))

        return found


@pytest.fixture
def make_office(tmp_path):
    opened = []

    async def make(whole, *told, **simulated):
        chain = LedgerChain(simulated={WHOLE: whole, **simulated.get("alone", {})})
        office = Office(tmp_path, chain=chain, settler=Items(*told))
        opened.append(office)
        await office.desk.arm()
        return office

    yield make
    for office in opened:
        office.close()


async def test_batch_is_one_transaction_and_every_item_has_its_row(make_office):
    office = await make_office(word(160), 80, 80)
    (sent,) = await office.execute(batch(1, 2))

    assert sent.status is Status.SENT
    assert len(office.chain.sends) == 1
    assert [(row["position"], row["status"]) for row in office.report()] == [
        ("0x0000000000000000000000000000000000000001", "sent"),
        ("0x0000000000000000000000000000000000000002", "sent"),
    ]
    assert len({row["tx_hash"] for row in office.report()}) == 1


async def test_items_in_flight_are_not_planned_again_and_go_before_anything_new(make_office):
    office = await make_office(word(160), 80, 80)
    await office.execute(batch(1, 2))

    head = office.chain.head
    assert office.desk.in_flight(head) == {("market", position(1)), ("market", position(2))}
    assert office.desk.ahead(head) == tuple(Underway.of(make_plan(index).opportunity) for index in (1, 2))


async def test_items_of_a_mined_batch_are_booked_each_by_itself(make_office):
    office = await make_office(word(240), 80, "skipped: HealthFactorNotBelowThreshold", 75)
    await office.execute(batch(1, 2, 3))
    office.chain.mine_all()
    (outcome,) = await office.track()

    assert (outcome.plan_id, outcome.status) == ("batch", Status.LANDED)
    assert outcome.realised_profit.amount == 155
    rows = office.report()
    assert [(row["status"], row["realised_profit"]) for row in rows] == [
        ("landed", "80"),
        ("missed", None),
        ("landed", "75"),
    ]
    assert [row["settled_profit"] for row in rows] == ["80", None, "75"]
    assert rows[1]["reason"] == "skipped: HealthFactorNotBelowThreshold"
    assert {row["gas_used"] for row in rows} == {400_000}
    assert office.desk.ahead(office.chain.head) == ()


async def test_batch_of_which_everything_was_skipped_is_missed(make_office):
    office = await make_office(word(160), "skipped: a", "skipped: b")
    await office.execute(batch(1, 2))
    office.chain.mine_all()
    (outcome,) = await office.track()

    assert outcome.status is Status.MISSED
    assert [(row["status"], row["reason"]) for row in office.report()] == [
        ("missed", "skipped: a"),
        ("missed", "skipped: b"),
    ]


async def test_reverted_batch_reverted_for_every_item(make_office):
    office = await make_office(word(160))
    await office.execute(batch(1, 2))
    office.chain.mine(*office.chain.pool, status=0)
    await office.track()
    assert office.statuses() == ["reverted", "reverted"]


async def test_booking_that_is_reorganised_away_is_no_items_either(make_office):
    office = await make_office(word(160), 80, 80)
    await office.execute(batch(1, 2))
    office.chain.mine_all()
    await office.track()
    office.chain.orphan(1)
    office.chain.mine(fork=1)
    await office.track()
    assert office.statuses() == ["sent", "sent"]


async def test_limits_hear_of_a_batch_once(make_office):
    office = await make_office(word(160))
    await office.execute(batch(1, 2))
    assert [subject for subject, *_ in office.limits.asked] == [("market", position(1))]


async def test_items_go_alone_where_they_do_not_work_together(make_office):
    """The batch earns 1 less than the model says; the first alone does not, the second reverts."""
    alone = {make_plan(2).data: Returned(ok=False, data=b"\xab")}
    office = await make_office(word(159), alone=alone)
    together, first, second = await office.execute(batch(1, 2))

    assert together.status is Status.SIMULATION_FAILED
    assert first.status is Status.SENT
    assert second.status is Status.SIMULATION_FAILED
    # First the batch's own row: what was tried, and why not.
    assert office.statuses() == ["simulation_failed", "sent", "simulation_failed"]
    assert len(office.chain.sends) == 1


async def test_batch_survives_a_restart(make_office):
    office = await make_office(word(160), 80, 80)
    await office.execute(batch(1, 2))
    await office.reopen()
    assert office.desk.in_flight(office.chain.head) == {("market", position(1)), ("market", position(2))}
    office.chain.mine_all()
    await office.track()
    assert office.statuses() == ["landed", "landed"]


async def test_items_of_a_batch_that_never_left_end_with_it(make_office):
    office = await make_office(word(160))
    plan = batch(1, 2)
    priced = PricedPlan(plan, bid(plan, POLICIES["flash"], NATIVE_USD), office.chain.head)
    office.journal.record_plans([priced])
    office.journal.record_items(priced)
    office.journal.record_verdict(items_of(plan)[0].id, Status.SENT, office.chain.head.number)
    await office.reopen()
    assert office.statuses() == ["expired", "expired"]


async def test_dry_run_counts_the_items_of_a_batch(tmp_path):
    dry = Office(tmp_path, live=False, chain=LedgerChain(simulated={WHOLE: word(160)}))
    await dry.execute(batch(1, 2, at=target()))
    assert dry.desk.in_flight(dry.chain.head) == {("market", position(1)), ("market", position(2))}
    assert dry.statuses() == ["dry_run", "dry_run"]
    dry.close()
