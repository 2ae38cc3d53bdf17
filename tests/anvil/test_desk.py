"""The desk on a real node behind geth's rules: sent, mined, dropped, priced out, cancelled, reorganised, robbed."""

import pytest

from keeper.errors import SigningKeyError
from keeper.execution.base import Outcome, Status
from keeper.execution.submit import PublicPool
from keeper.types import Reason, to_checksum
from keeper.units import GWEI, WAD
from tests.anvil.desk_world import desk_world
from tests.fakes.desk import CONFIRMATIONS, OPERATOR
from tests.fakes.plans import EXECUTOR, make_plan

pytestmark = pytest.mark.anvil


@pytest.fixture
async def world(packages, tmp_path):
    async with desk_world(packages, tmp_path) as world:
        yield world


async def test_a_plan_is_simulated_sent_mined_booked_and_final(world):
    (sent,) = await world.execute(await world.plan())
    assert isinstance(sent, Outcome)
    assert sent.status is Status.SENT
    (outcome,) = await world.mine()
    assert (outcome.status, outcome.tx_hash) == (Status.LANDED, sent.tx_hash)
    receipt = world.rpc("eth_getTransactionReceipt", "0x" + sent.tx_hash.hex())
    (row,) = world.office.report()
    assert (row["status"], row["block"]) == ("landed", int(receipt["blockNumber"], 16))
    assert row["gas_used"] == int(receipt["gasUsed"], 16)
    assert outcome.gas_price_wei == int(receipt["effectiveGasPrice"], 16)
    await world.mine(CONFIRMATIONS)
    assert world.office.states() == ["final"]


async def test_three_plans_of_one_block_land_in_it_in_order(world):
    await world.execute(*[await world.plan(index) for index in (1, 2, 3)])
    assert [(o.plan_id, o.status) for o in await world.mine()] == [
        ("plan-1", Status.LANDED),
        ("plan-2", Status.LANDED),
        ("plan-3", Status.LANDED),
    ]


async def test_a_simulation_runs_in_the_block_aimed_for(world):
    head = await world.chain.latest()
    late = await world.plan()
    late = make_plan(data=late.data[:36] + head.number.to_bytes(32, "big"), at=late.target)
    (outcome,) = await world.execute(late)  # good for the head itself, and for nothing after
    assert outcome.status is Status.SIMULATION_FAILED
    assert world.pending() == {}


async def test_a_transaction_the_pool_dropped_is_offered_again(world):
    (sent,) = await world.execute(await world.plan())
    world.rpc("anvil_dropTransaction", "0x" + sent.tx_hash.hex())
    assert world.pending() == {}
    assert await world.mine() == []
    assert world.pending()[0]["hash"] == "0x" + sent.tx_hash.hex()
    (outcome,) = await world.mine()
    assert outcome.status is Status.LANDED


async def test_a_plan_priced_out_by_a_gas_spike_offers_more_and_lands(world):
    (sent,) = await world.execute(await world.plan())
    await world.mine(base_fee_wei=10 * GWEI)
    (rung,) = world.pending().values()
    assert rung["hash"] != "0x" + sent.tx_hash.hex()
    assert (rung["to"], int(rung["nonce"], 16)) == (to_checksum(EXECUTOR).lower(), 0)
    (outcome,) = await world.mine(base_fee_wei=10 * GWEI)
    assert (outcome.status, outcome.plan_id) == (Status.LANDED, "plan-1")
    assert outcome.gas_price_wei > 10 * GWEI
    assert world.office.states() == ["replaced", "included"]


async def test_a_plan_priced_out_beyond_its_profit_is_cancelled_and_leaves_no_gap(world):
    """Its ceiling is 95 gwei: 100 dollars less 5 to keep, at 2,000 dollars per native token, over 500,000 gas."""
    (sent,) = await world.execute(await world.plan())
    await world.mine(base_fee_wei=110 * GWEI)
    (cancel,) = world.pending().values()
    assert cancel["hash"] != "0x" + sent.tx_hash.hex()
    assert (cancel["to"], cancel["input"], int(cancel["nonce"], 16)) == (cancel["from"], "0x", 0)
    (outcome,) = await world.mine(base_fee_wei=110 * GWEI)
    assert (outcome.status, outcome.plan_id) == (Status.EXPIRED, "plan-1")
    assert world.mined() == 1
    assert world.office.statuses() == ["expired"]
    await world.mine(base_fee_wei=GWEI)
    await world.execute(await world.plan(2))
    (outcome,) = await world.mine(base_fee_wei=GWEI)
    assert (outcome.status, world.mined()) == (Status.LANDED, 2)


async def test_a_cancel_priced_out_too_climbs_until_it_lands(world):
    await world.execute(await world.plan())
    await world.mine(base_fee_wei=110 * GWEI)
    for base_fee_wei in (400 * GWEI,) * 4:
        await world.mine(base_fee_wei=base_fee_wei)

    assert world.mined() == 1
    # the plan, one cancel that was too cheap, one that was not
    assert [row["kind"] for row in world.office.rows("transactions")] == ["plan", "cancel", "cancel"]
    assert world.office.statuses() == ["expired"]


async def test_a_replacement_the_node_finds_too_cheap_is_refused_and_the_first_stays(world):
    """Anvil takes a rise of a tenth; a cancel below what is in flight is what every pool refuses."""
    (sent,) = await world.execute(await world.plan())
    record = world.office.journal.transactions.at_nonce(OPERATOR, 0)[0]
    cheap = type(record.fees)(record.fees.max_fee_wei - 1, record.fees.tip_wei - 1)
    refused = await world.office.outbox.send_cancel(0, cheap, "plan-1")
    assert refused.submission.answer.value == "refused"
    assert world.office.outbox.ledger.in_flight == (0,)
    (outcome,) = await world.mine()
    assert (outcome.status, outcome.tx_hash) == (Status.LANDED, sent.tx_hash)


async def test_a_landing_that_is_reorganised_away_is_taken_back_and_lands_again(world):
    (sent,) = await world.execute(await world.plan())
    (first,) = await world.mine()
    world.rpc("anvil_reorg", 1, [])
    assert world.mined() == 0
    await world.office.desk.track(await world.chain.latest())
    assert world.office.statuses() == ["sent"]
    (second,) = await world.mine()
    assert (second.status, second.tx_hash) == (Status.LANDED, sent.tx_hash)
    assert second.block_hash != first.block_hash
    assert [row["canonical"] for row in world.office.rows("outcomes")] == [0, 1]


async def test_a_transaction_mined_again_too_late_is_booked_as_the_revert_it_is(world):
    (sent,) = await world.execute(await world.plan())
    (first,) = await world.mine()
    assert first.status is Status.LANDED
    world.rpc("anvil_reorg", 1, [])
    # Mined again before anybody could cancel it, after its last block.
    for _ in range(3):
        world.rpc("evm_mine")

    world.rpc("eth_sendRawTransaction", "0x" + world.office.rows("transactions")[0]["raw"].hex())
    world.rpc("evm_mine")
    (second,) = await world.office.desk.track(await world.chain.latest())
    assert (second.status, second.tx_hash) == (Status.REVERTED, sent.tx_hash)
    assert world.office.statuses() == ["reverted"]


async def test_a_restart_goes_on_with_what_is_in_the_pool(world):
    (sent,) = await world.execute(await world.plan(1))
    await world.office.reopen()
    await world.execute(await world.plan(2))
    outcomes = await world.mine()
    assert [(o.plan_id, o.status) for o in outcomes] == [("plan-1", Status.LANDED), ("plan-2", Status.LANDED)]
    assert outcomes[0].tx_hash == sent.tx_hash


async def test_bytes_a_node_has_are_not_sent_again(world):
    await world.execute(await world.plan())
    record = world.office.journal.transactions.at_nonce(OPERATOR, 0)[0]
    assert await world.office.outbox.offer_again(record)
    again = await PublicPool(world.chain).submit(record.tx)  # and it would have been no harm
    assert again.answer.value == "taken"


async def test_mined_bytes_are_found_by_their_hash_and_settled_by_the_receipt(world):
    await world.execute(await world.plan())
    record = world.office.journal.transactions.at_nonce(OPERATOR, 0)[0]
    world.rpc("evm_mine")
    assert await world.office.outbox.offer_again(record)
    again = await PublicPool(world.chain).submit(record.tx)
    assert again.answer.value == "unknown"
    assert "nonce" in again.reason.lower()
    (outcome,) = await world.office.desk.track(await world.chain.latest())
    assert outcome.status is Status.LANDED


async def test_a_key_that_cannot_pay_declines(world):
    world.rpc("anvil_setBalance", to_checksum(OPERATOR), "0x1")
    (declined,) = await world.execute(await world.plan())
    assert declined.reason is Reason.INSUFFICIENT_GAS_FUNDS
    assert world.pending() == {}


async def test_a_key_emptied_behind_our_back_is_refused_by_the_node_and_its_nonce_kept_free(world):
    balance = world.chain.balance

    async def old_balance(_account):
        return await balance(OPERATOR) + WAD

    world.rpc("anvil_setBalance", to_checksum(OPERATOR), "0x1")
    world.chain.balance = old_balance
    (refused,) = await world.execute(await world.plan())
    assert refused.status is Status.REFUSED
    assert "insufficient funds" in refused.reason.lower()
    world.rpc("anvil_setBalance", to_checksum(OPERATOR), hex(WAD))
    await world.execute(await world.plan(2))
    assert list(world.pending()) == [0]


async def test_a_stranger_with_our_key_disarms_the_desk(world):
    world.rpc("eth_sendTransaction", {"from": to_checksum(OPERATOR), "to": to_checksum(EXECUTOR), "gas": "0x5208"})
    await world.mine()
    assert "not ours" in world.office.desk.disarmed
    (declined,) = await world.execute(await world.plan())
    assert declined.reason is Reason.DISARMED


async def test_a_delegated_operator_does_not_arm(world):
    world.rpc("anvil_setCode", to_checksum(OPERATOR), "0xef0100" + "77" * 20)
    with pytest.raises(SigningKeyError, match="7702"):
        await world.office.desk.arm()
