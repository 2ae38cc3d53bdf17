"""What is remembered of auctions, by deployment, newest first."""

from dataclasses import replace

import pytest

from keeper.execution.auction import Experience
from keeper.execution.base import Status
from keeper.execution.bidding import bid
from keeper.journal.plans import PricedPlan
from keeper.journal.winners import REMEMBERED, Winner
from tests.fakes.heads import head
from tests.fakes.plans import NATIVE_USD, POLICIES, make_plan
from tests.unit.journal.test_transactions import ONE, TWO, booking, sign

WINNER = Winner("plan-1", "market", b"\x0a" * 32, 101, b"\xb1" * 32, 2**70, 4_200)


@pytest.fixture(autouse=True)
def _plan(journal):
    plan = make_plan()
    journal.record_plans([PricedPlan(plan, bid(plan, POLICIES["flash"], NATIVE_USD), head())])


def test_nothing_is_known_of_a_new_deployment(journal):
    assert journal.winners.experience("market") == Experience()


def test_winner_counts_once_for_its_deployment(journal):
    journal.record_winner(WINNER)
    journal.record_winner(WINNER)
    assert journal.winners.experience("market") == Experience(winning_bps=(4_200,))
    assert journal.winners.experience("other") == Experience()


def test_newest_auctions_are_remembered(journal):
    for place in range(REMEMBERED + 2):
        journal.record_winner(replace(WINNER, tx_hash=place.to_bytes(32), share_bps=place))

    assert journal.winners.experience("market").winning_bps == tuple(range(REMEMBERED + 1, 1, -1))


def test_own_losses_count_with_what_they_burned(journal):
    sign(journal)
    journal.book(booking(status=Status.REVERTED))
    sign(journal, tx_hash=TWO, nonce=8)
    journal.book(booking(TWO, status=Status.EXPIRED))
    assert journal.winners.experience("market") == Experience(lost=2, charged=1, charged_gas=400_000)
    journal.orphan(ONE, 102)
    assert journal.winners.experience("market") == Experience(lost=1)
