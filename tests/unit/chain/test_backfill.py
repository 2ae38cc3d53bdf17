"""Logs reach whoever asked for them, sources that turn up on the way included."""

from dataclasses import dataclass, field

import pytest

from keeper.chain.backfill import backfill, feed
from keeper.chain.headers import HeaderCache
from keeper.chain.log_filter import in_order
from keeper.chain.logs import LogReader, Paging
from keeper.errors import DecodeError, StateError
from keeper.protocols.base import Applied
from keeper.types import Address, Log, LogQuery, PositionKey
from tests.fakes.node import event

FACTORY, STRANGER = (Address(bytes([n]) * 20) for n in (0xFA, 0x99))
CREATED, MOVED = (bytes([n]) * 32 for n in (0xC0, 0x40))


def market(n: int) -> Address:
    return Address(bytes([n]) * 20)


@dataclass
class Markets:
    """A state like a venue's: a factory announces markets, whose own logs then count, and so on."""

    known: list[Address] = field(default_factory=lambda: [FACTORY])
    applied: list[Log] = field(default_factory=list)
    breaks_on: Address | None = None

    def sources(self):
        return (LogQuery(tuple(self.known), ()),)

    def apply(self, logs):
        self.applied += logs
        if any(log.address == self.breaks_on for log in logs):
            raise DecodeError("cannot be understood")

        new = [Address(log.topics[1][:20]) for log in logs if log.topics[0] == CREATED]
        self.known += new
        touched = frozenset(PositionKey(log.address) for log in logs if log.topics[0] == MOVED)
        return Applied(touched, (LogQuery(tuple(new), ()),) if new else ())


def created(by: Address, new: Address):
    return event(by, CREATED, new.ljust(32, b"\0"))


@pytest.fixture
def reader(endpoints):
    return LogReader(endpoints, HeaderCache(), Paging(first_width=3))


class OverReader:
    """The port, as far as feeding needs it."""

    def __init__(self, reader):
        self._reader = reader

    async def logs(self, queries, from_block, head):
        return await self._reader.between(queries, from_block, head)


async def test_feed_hands_each_state_its_own_logs(node, reader):
    head = node.mine(event(FACTORY, MOVED), event(STRANGER, MOVED), event(market(2), MOVED))
    one, two = Markets(), Markets(known=[market(2)])
    touched = await feed(OverReader(reader), [one, two], 1, head)

    assert touched == [frozenset({FACTORY}), frozenset({market(2)})]
    assert [log.address for log in one.applied] == [FACTORY]


async def test_feed_new_source_is_read_over_the_same_blocks(node, reader):
    """Its first logs may stand before the announcement, and its own children in the same block."""
    head = node.mine(
        event(market(1), MOVED), created(FACTORY, market(1)), created(market(1), market(2)), event(market(2), MOVED)
    )
    state = Markets()
    touched = await feed(OverReader(reader), [state], 1, head)

    assert touched == [frozenset({market(1), market(2)})]
    assert state.known == [FACTORY, market(1), market(2)]


async def test_feed_one_state_that_cannot_decode_stops_alone(node, reader):
    head = node.mine(event(FACTORY, MOVED))
    outcomes = await feed(OverReader(reader), [Markets(breaks_on=FACTORY), Markets()], 1, head)

    assert isinstance(outcomes[0], DecodeError)
    assert outcomes[1] == frozenset({FACTORY})


async def test_feed_sources_without_end_are_an_error(node, reader):
    head = node.mine(*[created(market(n), market(n + 1)) for n in range(1, 20)], created(FACTORY, market(1)))
    with pytest.raises(StateError, match="16 rounds"):
        await feed(OverReader(reader), [Markets()], 1, head)


async def test_backfill_applies_every_page_and_reports_it(node, reader):
    node.mine(created(FACTORY, market(1)))
    for _ in range(9):
        node.mine(event(market(1), MOVED))

    state, pages = Markets(), []

    async def on_page(page):
        pages.append((page.from_block, page.upto_block, page.upto_hash, len(page.logs)))

    stopped = await backfill(reader, [state], 0, node.head, on_page)

    assert stopped == [None]
    assert len(state.applied) == 10
    # Pages of 3, 6 and the last 2 blocks; the first holds the creation and the new market's logs of blocks 2.
    assert [(first, last, count) for first, last, _, count in pages] == [(0, 2, 2), (3, 8, 6), (9, 10, 2)]
    assert pages[-1][2] == node.head.hash


async def test_backfill_state_that_stopped_is_fed_no_further(node, reader):
    node.mine(event(FACTORY, MOVED))
    for _ in range(6):
        node.mine(event(market(2), MOVED))

    broken, whole = Markets(breaks_on=FACTORY), Markets(known=[market(2)])

    async def on_page(_page):
        pass

    stopped = await backfill(reader, [broken, whole], 0, node.head, on_page)

    assert isinstance(stopped[0], DecodeError)
    assert stopped[1] is None
    assert (len(broken.applied), len(whole.applied)) == (1, 6)


async def test_backfill_resumed_from_a_checkpoint_ends_in_the_same_state(node, reader):
    for n in range(1, 9):
        node.mine(created(FACTORY, market(n)), event(market(max(n - 1, 1)), MOVED))

    async def ignore(_page):
        pass

    whole, resumed = Markets(), Markets()
    await backfill(reader, [whole], 0, node.head, ignore)

    class KilledError(Exception):
        pass

    checkpoint = []

    async def die(page):
        checkpoint.append(page.upto_block)
        raise KilledError

    with pytest.raises(KilledError):
        await backfill(reader, [resumed], 0, node.head, die)

    await backfill(reader, [resumed], checkpoint[0] + 1, node.head, ignore)

    # Late sources are read after the rest of their page, so only the order depends on where pages end.
    assert resumed.known == whole.known
    assert in_order(resumed.applied) == in_order(whole.applied)
    assert len(resumed.applied) == len(whole.applied)
