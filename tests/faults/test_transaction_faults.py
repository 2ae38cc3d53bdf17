"""What can happen to a transaction between signing and the last confirmation, on a real node behind geth's rules.

`docs/faults.md` says which fault of the catalogue each test stands for.
"""

from dataclasses import replace

import pytest

from keeper.execution.base import Fees, Status
from keeper.execution.bidding import bid
from keeper.execution.submit import PublicPool
from keeper.journal.plans import PricedPlan
from keeper.types import Reason, to_checksum
from keeper.units import GWEI, WAD
from tests.anvil.desk_world import desk_world
from tests.fakes.desk import CONFIRMATIONS, OPERATOR
from tests.fakes.geth_rules import SEND, Loss
from tests.fakes.plans import NATIVE_USD, POLICIES

pytestmark = [pytest.mark.anvil, pytest.mark.timeout(120)]

CEILING = 95 * GWEI
"""Of a plan: 100 dollars less 5 to keep, at 2,000 dollars per native token, over 500,000 gas."""
RIVAL = "0x" + "77" * 20


@pytest.fixture
async def world(packages, tmp_path):
    async with desk_world(packages, tmp_path) as world:
        world.rpc("anvil_setBalance", RIVAL, hex(WAD))
        yield world


def raw_of(world, place=0):
    return world.office.rows("transactions")[place]["raw"]


def mined_hashes(world):
    """Our transactions the chain has, by what it says itself."""
    rows = world.office.rows("transactions")
    return [row["hash"] for row in rows if world.rpc("eth_getTransactionReceipt", row["hash"]) is not None]


# Sending ----------------------------------------------------------------------------------------------------------


async def test_lost_answer_is_resolved_by_the_hash_and_not_by_sending_again(world):
    world.rules.lose(SEND, Loss.ANSWER)
    (sent,) = await world.execute(await world.plan())
    assert sent.status is Status.SENT
    assert world.office.states() == ["sent"]
    assert len(world.rules.taken) == 1
    (outcome,) = await world.mine()
    assert outcome.status is Status.LANDED
    assert len(world.rules.taken) == 1
    assert world.rules.refused == []


async def test_answer_that_never_comes_is_resolved_by_the_hash(world):
    world.rules.lose(SEND, Loss.HANG)
    await world.execute(await world.plan())
    assert world.office.states() == ["sent"]
    assert [outcome.status for outcome in await world.mine()] == [Status.LANDED]
    assert len(world.rules.taken) == 1


async def test_lost_request_keeps_its_nonce_and_the_same_bytes_go_at_the_next_head(world):
    world.rules.lose(SEND, Loss.REQUEST)
    await world.execute(await world.plan(1))
    assert world.office.states() == ["ambiguous"]
    await world.execute(await world.plan(2))
    await world.mine()
    assert world.office.states() == ["sent", "sent"]
    await world.mine()
    assert len(mined_hashes(world)) == 2
    assert world.mined() == 2


async def test_busy_node_has_taken_nothing_and_the_nonce_goes_to_the_next_plan(world):
    world.rules.lose(SEND, Loss.BUSY)
    (refused,) = await world.execute(await world.plan(1))
    assert refused.status is Status.REFUSED
    await world.execute(await world.plan(2))
    assert list(world.pending()) == [0]
    assert [outcome.plan_id for outcome in await world.mine()] == ["plan-2"]


async def test_fee_below_the_base_fee_is_refused_and_the_plan_made_anew_is_priced_anew(world):
    world.rules.denial = "max fee per gas less than block base fee: address 0x0, maxFeePerGas: 1, baseFee: 9"
    world.rules.lose(SEND, Loss.DENIED)
    (refused,) = await world.execute(await world.plan(1))
    assert refused.status is Status.REFUSED
    assert "less than block base fee" in refused.reason
    await world.mine(base_fee_wei=9 * GWEI)
    await world.execute(await world.plan(1, id="again"))
    assert [outcome.plan_id for outcome in await world.mine(base_fee_wei=9 * GWEI)] == ["again"]
    assert world.mined() == 1


async def test_pool_that_hides_what_is_pending_changes_no_nonce(world):
    """A private relay shows neither the pending count nor the transaction: our own ledger is the truth."""
    world.rules.is_private = True
    await world.execute(await world.plan(1))
    await world.execute(await world.plan(2))
    assert await world.chain.nonce(OPERATOR, pending=True) == 0
    assert list(world.pending()) == [0, 1]
    outcomes = await world.mine()
    assert [outcome.status for outcome in outcomes] == [Status.LANDED] * 2
    assert len(world.office.rows("transactions")) == 2


# Fees -------------------------------------------------------------------------------------------------------------


async def test_base_fee_ten_times_higher_while_pending_is_climbed_within_the_profit(world):
    await world.execute(await world.plan())
    await world.mine(base_fee_wei=10 * GWEI)
    (outcome,) = await world.mine(base_fee_wei=10 * GWEI)
    assert outcome.status is Status.LANDED
    assert 10 * GWEI < outcome.gas_price_wei <= CEILING
    assert world.rules.refused == []


async def test_spike_beyond_the_profit_ends_in_a_cancel_and_no_bid_ever_passed_the_ceiling(world):
    await world.execute(await world.plan())
    await world.mine(base_fee_wei=60 * GWEI)
    await world.mine(base_fee_wei=200 * GWEI)
    (outcome,) = await world.mine(base_fee_wei=200 * GWEI)
    assert outcome.status is Status.EXPIRED
    offered = [int(row["max_fee_wei"]) for row in world.office.rows("transactions") if row["kind"] == "plan"]
    assert len(offered) == 2
    assert max(offered) <= CEILING
    assert world.rules.refused == []


async def test_every_rung_is_a_replacement_geth_takes(world):
    head = await world.chain.latest()
    await world.execute(await world.plan(max_block=head.number + 6))
    for base_fee_gwei in (4, 8, 16, 32):  # each prices out the rung before, which was good for full blocks only
        assert await world.mine(base_fee_wei=base_fee_gwei * GWEI) == []

    assert [outcome.status for outcome in await world.mine(base_fee_wei=32 * GWEI)] == [Status.LANDED]
    assert world.office.states() == ["replaced"] * 4 + ["included"]
    assert world.rules.refused == []


async def test_replacement_of_five_percent_is_refused_as_by_geth_and_the_first_stays(world):
    (sent,) = await world.execute(await world.plan())
    (record,) = world.office.journal.transactions.at_nonce(OPERATOR, 0)
    cheap = Fees(record.fees.max_fee_wei * 105 // 100, record.fees.tip_wei * 105 // 100)
    refused = await world.office.outbox.send_cancel(0, cheap, "plan-1")
    assert refused.submission.answer.value == "refused"
    assert world.rules.refused == ["replacement transaction underpriced"]
    raw = "0x" + raw_of(world, 1).hex()
    assert world.rpc("eth_sendRawTransaction", raw) == "0x" + refused.tx.hash.hex()  # Anvil alone would have
    world.rpc("anvil_dropTransaction", "0x" + refused.tx.hash.hex())
    world.rpc("eth_sendRawTransaction", "0x" + raw_of(world).hex())
    (outcome,) = await world.mine()
    assert (outcome.status, outcome.tx_hash) == (Status.LANDED, sent.tx_hash)


async def test_replacement_with_one_field_raised_is_refused_as_by_geth(world):
    await world.execute(await world.plan())
    (record,) = world.office.journal.transactions.at_nonce(OPERATOR, 0)
    await world.office.outbox.send_cancel(0, Fees(record.fees.max_fee_wei * 2, record.fees.tip_wei), "plan-1")
    assert world.rules.refused == ["replacement transaction underpriced"]


async def test_gas_limit_past_the_cap_is_declined_at_home_and_refused_as_by_geth(world):
    (declined,) = await world.execute(await world.plan(gas_limit=16_777_217))
    assert declined.reason is Reason.TOO_MUCH_GAS

    signer = world.office.outbox._signer
    signer._policy = replace(signer._policy, max_gas=30_000_000)  # what no keeper of ours does
    plan = await world.plan()
    priced = PricedPlan(plan, bid(plan, POLICIES["flash"], NATIVE_USD), await world.chain.latest())
    world.office.journal.record_plans([priced])
    sent = await world.office.outbox.send_plan(replace(plan, gas_limit=16_777_217), Fees(2 * GWEI, GWEI))
    assert sent.submission.answer.value == "refused"
    assert world.rules.refused == ["transaction gas limit too high (cap: 16777216, tx: 16777217)"]


# The pool ---------------------------------------------------------------------------------------------------------


async def test_nonce_gap_left_by_an_eviction_is_closed_with_the_same_bytes(world):
    first, _ = await world.execute(await world.plan(1), await world.plan(2))
    world.rpc("anvil_dropTransaction", "0x" + first.tx_hash.hex())
    await world.mine()
    assert world.mined() == 0
    outcomes = await world.mine()
    assert [outcome.plan_id for outcome in outcomes] == ["plan-1", "plan-2"]
    assert len(world.office.rows("transactions")) == 2


async def test_evicted_plan_that_comes_back_after_its_cancel_landed_changes_nothing(world):
    (sent,) = await world.execute(await world.plan())
    await world.mine(base_fee_wei=200 * GWEI)
    (outcome,) = await world.mine(base_fee_wei=200 * GWEI)
    assert outcome.status is Status.EXPIRED
    again = await PublicPool(world.chain).submit(world.office.journal.transactions.at_nonce(OPERATOR, 0)[0].tx)
    assert "nonce too low" in again.reason
    await world.mine(2)
    assert world.office.statuses() == ["expired"]
    assert "0x" + sent.tx_hash.hex() not in mined_hashes(world)


async def test_plan_that_lands_after_its_last_block_reverts_and_is_booked_as_that(world):
    """Evicted here, kept by another node: what it carries makes landing late harmless."""
    await world.execute(await world.plan())
    world.rpc("anvil_dropAllTransactions")
    for _ in range(3):
        world.rpc("evm_mine")

    world.rpc("eth_sendRawTransaction", "0x" + raw_of(world).hex())
    world.rpc("evm_mine")
    (outcome,) = await world.office.desk.track(await world.chain.latest())
    assert outcome.status is Status.REVERTED
    assert world.office.statuses() == ["reverted"]


# Others -----------------------------------------------------------------------------------------------------------


async def test_transaction_replaced_by_another_party_is_given_up_and_disarms_the_key(world):
    (sent,) = await world.execute(await world.plan())
    world.rpc("anvil_dropTransaction", "0x" + sent.tx_hash.hex())
    world.stranger(to_checksum(OPERATOR))
    await world.mine(3)
    assert world.office.states() == ["lost"]
    assert "nonce 0 was used" in world.office.desk.disarmed
    (declined,) = await world.execute(await world.plan(2))
    assert declined.reason is Reason.DISARMED
    assert world.mined() == 1


async def test_rival_in_the_same_block_costs_one_revert_that_is_booked_with_its_gas(world):
    plan = await world.plan()
    (sent,) = await world.execute(plan)
    world.stranger(RIVAL, plan.data, tip_wei=50 * GWEI)
    (outcome,) = await world.mine()
    receipt = world.rpc("eth_getTransactionReceipt", "0x" + sent.tx_hash.hex())
    assert (outcome.status, int(receipt["status"], 16)) == (Status.REVERTED, 0)
    assert outcome.gas_used == int(receipt["gasUsed"], 16)
    assert outcome.reason == "reverted; it would have gone through as the first of its block"
    assert world.office.limits.outcomes[-1][1] == outcome


async def test_rival_a_block_ahead_turns_the_plan_into_a_cancel_when_it_is_stuck(world):
    plan = await world.plan()
    await world.execute(plan)
    world.stranger(RIVAL, plan.data, tip_wei=50 * GWEI)
    await world.mine(base_fee_wei=20 * GWEI)  # ours is priced out, the rival's is not
    (outcome,) = await world.mine(base_fee_wei=20 * GWEI)
    assert outcome.status is Status.EXPIRED
    assert outcome.gas_used == 21_000


# Reorgs -----------------------------------------------------------------------------------------------------------


async def test_landing_that_is_reorganised_out_is_in_flight_again_and_lands_once(world):
    (sent,) = await world.execute(await world.plan())
    (first,) = await world.mine()
    world.rpc("anvil_reorg", 1, [])
    await world.office.desk.track(await world.chain.latest())
    assert world.office.states()[0] in ("reorged", "sent")
    assert world.office.statuses() == ["sent"]
    (second,) = await world.mine()
    assert (second.status, second.tx_hash) == (Status.LANDED, sent.tx_hash)
    assert [
        (row["block_hash"] == "0x" + first.block_hash.hex(), row["canonical"]) for row in world.office.rows("outcomes")
    ] == [
        (True, 0),
        (False, 1),
    ]
    await world.mine(CONFIRMATIONS)
    assert world.office.states() == ["final"]


async def test_landing_that_is_mined_again_behind_a_rival_is_booked_as_the_revert_it_became(world):
    plan = await world.plan()
    (sent,) = await world.execute(plan)
    (first,) = await world.mine()
    assert first.status is Status.LANDED
    world.rpc("anvil_reorg", 1, [])
    world.rpc("anvil_dropAllTransactions")
    world.stranger(RIVAL, plan.data, tip_wei=50 * GWEI)
    world.rpc("eth_sendRawTransaction", "0x" + raw_of(world).hex())
    world.rpc("evm_mine")
    (second,) = await world.office.desk.track(await world.chain.latest())
    assert (second.status, second.tx_hash) == (Status.REVERTED, sent.tx_hash)
    assert [row["status"] for row in world.office.rows("outcomes")] == ["landed", "reverted"]
    (row,) = world.office.report()
    assert (row["status"], row["realised_profit"]) == ("reverted", None)
