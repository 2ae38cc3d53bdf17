"""What the referee tries and finds, block by block."""

import pytest
from referee.scout import Scout

from tests.anvil.referee.scene import LEFT, SMALL, TAKEN, declined, subject, text

pytestmark = pytest.mark.anvil


def test_verdict_counts_what_was_tried(judge, played, verdict):
    """Two liquidatable borrowers with one pair each, the landed one gone afterwards; twenty sizes a trial."""
    checked = verdict(judge, played.rows)["checked"]

    assert (checked["liquidatable"], checked["pairs"], checked["profitable"]) == (2, 2, 1)
    assert checked["trials"] % 20 == 0
    assert checked["trials"] >= 40
    assert checked["full_runs"] >= 2


def test_finding_run_in_full_is_never_doubted(judge):
    assert judge.full_runs.doubts == []


def test_finding_at_block_before_landing_is_what_landing_earned(judge, played):
    """To the wei, but for the fee of 5 bps on what the landing borrowed above the debt: it took 1,801 dollars."""
    record = next(record for record in judge.records if record.block.number == played.landed_at - 1)
    found = record.paid[subject(TAKEN)].conclusion
    repaid = int(played.rows[0]["repaid"])
    fee = -(-repaid * 5 // 10_000)  # up, as the pool rounds it

    assert found.choice.hops == (text(played.world.uniswap.pools["WETH/USDC/500"].address),)
    assert found.choice.tried.repaid == repaid
    assert found.profit == int(played.rows[0]["realised_profit"]) + 900_500 - fee


def test_profit_below_the_floor_is_not_missed(played, judged, verdict):
    judge = judged(played.end, min_profit="87 USD")

    assert verdict(judge, [*played.rows, declined(LEFT, "below_min_profit")])["verdict"] == "agree"


def test_profit_in_an_untrusted_token_is_brought_home(played, judged, verdict):
    """Only WETH is trusted: what is left of the USDC is sold for it, at a cost of pool fees, and still pays."""
    weth = text(played.world.assets["WETH"].token)
    judge = judged(played.end, trusted=[weth])
    missed = verdict(judge, [*played.rows, declined(LEFT, "untrusted")])["missed"]

    assert [(item["borrower"], item["profit_token"]) for item in missed] == [(text(LEFT), weth)]
    assert 84 * 10**8 < int(missed[0]["profit_base"]) < 86.25 * 10**8


def test_profit_without_any_trusted_token_is_not_missed(played, judged, verdict):
    judge = judged(played.end, trusted=[])

    assert verdict(judge, [*played.rows, declined(LEFT, "untrusted")])["missed"] == []


def test_bonus_changed_without_an_event_is_tried_again(played, judged):
    """Raised in storage from 5 % to 20 %, the bonus makes even the small position (48 dollars) pay."""
    snapshot = played.chain.node.rpc("evm_snapshot")

    try:
        raise_bonus(played, 12_000)
        played.chain.mine(2)
        judge = judged(played.end + 2, run_block=played.end - 1)
    finally:
        played.chain.revert(snapshot)

    # What is overwritten between two blocks belongs to the state that the first one left.
    assert [subject(SMALL) in record.paid for record in judge.records] == [False, True, True, True]


def raise_bonus(played, bonus_bps):
    """Overwrite the WETH reserve's configuration word where the pool keeps it."""
    node, pool = played.chain.node, played.world.aave36.pool
    signature = "getConfiguration(address)(uint256)"
    word = played.chain.call(pool, signature, played.world.assets["WETH"].token)
    call = played.chain.transaction(pool, signature, played.world.assets["WETH"].token)
    touched = node.rpc("eth_createAccessList", call.fields(), "latest")["accessList"]
    slots = [slot for item in touched for slot in item["storageKeys"] if item["address"] == text(pool)]
    slot = next(slot for slot in slots if int(node.rpc("eth_getStorageAt", text(pool), slot, "latest"), 16) == word)
    # The bonus is bits 32 to 47 of the word.
    changed = word & ~(0xFFFF << 32) | bonus_bps << 32
    node.rpc("anvil_setStorageAt", text(pool), slot, f"0x{changed:064x}")


def test_carried_trials_find_what_fresh_trials_find(judged, follower, played):
    carried = judged(played.end)
    follower.scout = Scout(trusted=None, carried_blocks=0)
    follower.finish(played.end)

    assert follower.scout.carried == follower.scout.sales.carried == 0
    assert carried.scout.carried > 0
    assert carried.scout.sales.carried > 0
    assert [set(record.paid) for record in carried.records] == [set(record.paid) for record in follower.records]


def test_judging_block_by_block_is_judging_at_the_end(judge, follower, played):
    for head in range(follower.first, played.settled + 1):
        follower.advance(head)

    follower.finish(played.settled)

    assert [record.block for record in follower.records] == [record.block for record in judge.records]
    assert [record.unsafe for record in follower.records] == [record.unsafe for record in judge.records]


def test_judging_after_a_reorganisation_holds_one_branch(follower, played):
    """Two blocks that were judged are replaced by two others, one second further apart, and a third."""
    node = played.chain.node
    snapshot = node.rpc("evm_snapshot")
    played.chain.mine(2)
    follower.finish(played.end + 2)
    orphans = {record.block.hash for record in follower.records[-2:]}
    played.chain.revert(snapshot)
    snapshot = node.rpc("evm_snapshot")

    try:
        played.chain.mine(3, interval_s=13)
        follower.finish(played.end + 3)
        hashes = [node.rpc("eth_getBlockByNumber", hex(played.end + i), False)["hash"] for i in range(4)]
    finally:
        played.chain.revert(snapshot)

    assert [record.block.hash for record in follower.records[-4:]] == hashes
    assert not orphans & set(hashes)
