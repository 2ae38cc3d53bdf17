"""After a loss, whoever won is looked for in the blocks between the aim and the end."""

from dataclasses import replace

import pytest

from keeper.errors import RpcError
from keeper.execution.learning import Learning, share_of_room
from keeper.journal.winners import Winner
from keeper.units import GWEI
from tests.fakes.plans import make_plan


class Finder:
    """Finds a rival's transaction in the blocks it is told of."""

    def __init__(self, **tips_by_block):
        self.tips = tips_by_block
        self.asked = []
        self.error = None

    async def find(self, plan, block_number):
        self.asked.append(block_number)
        if self.error is not None:
            raise self.error

        tip = self.tips.get(f"b{block_number}")
        if tip is None:
            return None

        share = share_of_room(tip, plan, GWEI)
        return Winner(plan.id, plan.deployment, b"\x0a" * 32, block_number, b"\xb1" * 32, tip, share)


@pytest.fixture
def learn(office):
    """Give the desk something to learn with."""

    def learn(finder):
        office.desk._learning = Learning(office.journal, finder)
        return finder

    return learn


async def test_winner_of_the_block_that_reverted_us_is_remembered(office, learn):
    finder = learn(Finder(b101=47 * GWEI))
    await office.execute(make_plan())
    office.chain.mine(*office.chain.pool, status=0)
    await office.track()
    assert finder.asked == [101]
    # the ceiling is 95 gwei and the base fee 1: 47 of 94 are half of what the plan could have offered
    assert office.desk._learning.of("market").winning_bps == (5_000,)


async def test_winner_of_a_plan_that_never_landed_is_looked_for_up_to_its_last_block(office, learn):
    finder = learn(Finder(b103=94 * GWEI))
    await office.execute(make_plan())
    for _ in range(4):
        office.chain.mine()
        await office.track()

    office.chain.mine_all()
    await office.track()
    assert finder.asked == [101, 102, 103]
    assert office.desk._learning.of("market").winning_bps == (10_000,)


async def test_nobody_is_looked_for_where_we_won(office, learn):
    finder = learn(Finder(b101=GWEI))
    await office.execute(make_plan())
    office.chain.mine_all()
    await office.track()
    assert finder.asked == []


async def test_node_that_cannot_say_who_won_stops_nothing(office, learn):
    finder = learn(Finder())
    finder.error = RpcError("pruned")
    await office.execute(make_plan())
    office.chain.mine(*office.chain.pool, status=0)
    (outcome,) = await office.track()
    assert outcome.status.value == "reverted"
    assert finder.asked == [101]


async def test_share_of_the_room_is_capped_where_more_than_all_was_paid(office):
    await office.execute(make_plan())
    plan = office.journal.plan("plan-1")
    assert plan.ceiling_wei == 95 * GWEI
    assert share_of_room(95 * GWEI, plan, GWEI) == 10_001
    assert share_of_room(1, replace(plan, ceiling_wei=GWEI), GWEI) == 10_001
