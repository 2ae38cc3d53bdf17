"""Who was faster is read out of a block's logs, by the adapter's own reading of them."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest

from keeper.chain.port import Receipt
from keeper.journal.records import PlanRecord
from keeper.rivals import MarketRivals
from keeper.types import Address, Log, Rejected, Settlement
from keeper.units import GWEI
from tests.fakes.heads import head
from tests.fakes.plans import EXECUTOR, make_plan, position

POOL = Address(b"\xaa" * 20)
TOOK, OTHER = b"\x01" * 32, b"\x02" * 32
BLOCK = head(101, hash=b"\xb1" * 32, parent_hash=b"\xb0" * 32)
RIVAL, OURS = b"\x0a" * 32, b"\x0b" * 32


@dataclass
class Encoder:
    """Takes a log with the right topic for the position being taken."""

    def realised(self, offer, logs):
        taken = any(log.topics == (TOOK, bytes(12) + offer.key) for log in logs)
        return Settlement((), ()) if taken else Rejected("nothing")


@dataclass
class Lending:
    """A deployment that knows one block's market."""

    name: str = "market"
    adapter: object = None

    def __post_init__(self):
        offers = SimpleNamespace(offers=lambda key, _market: [replace(make_plan().opportunity.offer, key=key)])
        self.adapter = SimpleNamespace(offers=offers, encoder=Encoder())

    def market_of(self, block_hash):
        return "market" if block_hash == BLOCK.parent_hash else None


@dataclass
class Chain:
    told: list = field(default_factory=list)
    block: object = BLOCK

    async def header(self, number):
        return self.block if number == 101 else None

    async def logs(self, _queries, _from_block, _block):
        return self.told

    async def receipt(self, tx_hash):
        return Receipt(tx_hash, BLOCK.hash, 101, 0, 1, 300_000, 11 * GWEI, ())


def told(tx_hash, index, topic=TOOK, account=1, address=POOL):
    return Log(address, (topic, bytes(12) + position(account)), b"", 101, BLOCK.hash, tx_hash, index)


@pytest.fixture
async def plan(office) -> PlanRecord:
    await office.execute(make_plan())
    return office.journal.plan("plan-1")


async def test_rivals_tip_is_what_it_paid_above_the_base_fee(plan):
    chain = Chain([told(b"\x0c" * 32, 0, topic=OTHER), told(RIVAL, 1)])
    winner = await MarketRivals(chain, [Lending()], EXECUTOR).find(plan, 101)
    # 11 gwei with a base fee of 1; the plan could have offered 94: 10 of 94 are 1,063 bps
    assert (winner.tx_hash, winner.tip_wei, winner.share_bps) == (RIVAL, 10 * GWEI, 1_063)
    assert (winner.plan_id, winner.block_number, winner.block_hash) == ("plan-1", 101, BLOCK.hash)


@pytest.mark.parametrize(
    "logs",
    [
        [],
        [told(RIVAL, 0, topic=OTHER)],
        [told(RIVAL, 0, account=2)],
        # The executor's own log beside it: one of our transactions.
        [told(OURS, 0), told(OURS, 1, address=EXECUTOR)],
    ],
)
async def test_nobody_is_found_where_nobody_else_took_the_position(plan, logs):
    assert await MarketRivals(Chain(logs), [Lending()], EXECUTOR).find(plan, 101) is None


async def test_nobody_is_found_in_a_block_that_is_gone_or_too_old(plan):
    found = MarketRivals(Chain([told(RIVAL, 0)]), [Lending()], EXECUTOR)
    assert await found.find(plan, 102) is None
    old = Chain([told(RIVAL, 0)], block=replace(BLOCK, parent_hash=b"\x99" * 32))
    assert await MarketRivals(old, [Lending()], EXECUTOR).find(plan, 101) is None
    assert await MarketRivals(Chain([told(RIVAL, 0)]), [], EXECUTOR).find(plan, 101) is None
