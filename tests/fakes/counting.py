"""A deployment whose state is a sum of what its logs say, so that a log folded in twice or never shows at once."""

from dataclasses import dataclass, field, replace

import numpy as np

from keeper.errors import DecodeError, ReorgError, RpcError
from keeper.protocols.base import Adapter, Applied, Factors, HealthRow, Row
from keeper.protocols.reads import ask
from keeper.types import Address, BlockHead, BlockTarget, Call, Declined, Health, Log, LogQuery, PositionKey, Returned
from keeper.units import WAD

BOOK = Address(b"\xb0" * 20)
TOPIC = b"\x70" * 32
UNREADABLE = b"\xff"


def key(number):
    return PositionKey(bytes(19) + bytes([number]))


def head(number, fork=0):
    """A block of a made-up chain; forks differ in their hashes from the first block on that is theirs."""
    return BlockHead(number, block_hash(number, fork), block_hash(number - 1, fork), 12 * number, 10, 0, 10, BOOK)


def block_hash(number, fork=0):
    return bytes([fork]) + bytes(23) + number.to_bytes(8, "big")


def log(block, index, number, amount):
    """`amount` more is owed by position `number`; UNREADABLE as amount cannot be decoded."""
    data = amount if isinstance(amount, bytes) else bytes([number, amount])
    return Log(BOOK, (TOPIC,), data, block.number, block.hash, bytes([block.number, index]).rjust(32, b"\0"), index)


@dataclass(frozen=True)
class CountingMarket:
    head: BlockHead
    target: BlockTarget
    owed: dict

    def at(self, target):
        return replace(self, target=target)

    def with_prices(self, prices):
        del prices
        return self

    def token_prices(self):
        return {}


@dataclass
class CountingSync:
    """Owed by position; `truth` is what a reread finds."""

    owed: dict = field(default_factory=dict)
    truth: dict = field(default_factory=dict)
    rereads: list = field(default_factory=list)

    def bootstrap(self, head):
        del head
        yield from ask(Call(BOOK, b"bootstrap"))

    def sources(self):
        return (LogQuery((BOOK,), ((TOPIC,),)),)

    def apply(self, logs):
        for one in logs:
            if one.data == UNREADABLE:
                raise DecodeError("an event of another shape")

        for one in logs:
            self.owed[key(one.data[0])] = self.owed.get(key(one.data[0]), 0) + one.data[1]

        return Applied(frozenset(key(one.data[0]) for one in logs))

    def reread(self, keys, head):
        self.rereads.append((frozenset(keys), head.number))
        yield from ask(Call(BOOK, b"reread"))
        for one in keys:
            self.owed[one] = self.truth.get(one, 0)

    def observe(self, head, target):
        (answer,) = yield from ask(Call(BOOK, b"observe"))
        if not answer.ok:
            raise DecodeError("no prices")

        return CountingMarket(head, target, dict(self.owed))

    def preceding(self, parent, logs, target):
        del logs
        return replace(parent, target=target)

    def save(self, keys):
        wanted = self.owed if keys is None else keys
        return [Row(bytes(one), bytes([self.owed.get(one, 0)])) for one in sorted(wanted)]

    def restore(self, rows):
        self.owed = {PositionKey(row.key): row.value[0] for row in rows}


class CountingHealth:
    """A position is liquidatable from 10 owed on."""

    def rows(self, keys, market):
        for one in market.owed if keys is None else keys:
            yield HealthRow(one, (), ((0, market.owed.get(one, 0)),))

    def factors(self, market):
        del market
        return Factors(np.array([0.0]), np.array([1.0]), np.array([-9.0]))

    def always_confirm(self, market):
        del market
        return ()

    def health(self, key, market):
        owed = market.owed[key]
        return Health(key, WAD - owed, liquidatable=owed >= 10, collateral_base=20, debt_base=owed, base_unit=1)


class NoOffers:
    def offers(self, key, market):
        del market
        return [Declined("counting", key, "healthy")]

    def open_offers(self, market):
        del market
        return ()


def counting_adapter(sync):
    return Adapter("counting", "counting", sync, CountingHealth(), NoOffers(), None, None)


@dataclass
class CountingChain:
    """Blocks with their logs; reads answer yes, unless told to fail, and `errors` are raised by the next questions."""

    logs_of: dict = field(default_factory=dict)
    blocks: dict = field(default_factory=dict)
    errors: list = field(default_factory=list)
    refusing: bool = False

    def add(self, block, *logs):
        self.blocks[block.number] = block
        self.logs_of[block.hash] = list(logs)
        return block

    async def reads(self, read, head):
        assert isinstance(head, BlockHead)
        self._fail()
        try:
            requests = next(read)
            while True:
                ok = not (self.refusing and any(request.data == b"observe" for request in requests))
                requests = read.send(tuple(Returned(ok, b"") for _ in requests))
        except StopIteration as stop:
            return stop.value

    async def logs(self, queries, from_block, head):
        assert from_block == head.number
        self._fail()
        return list(self.logs_of[head.hash]) if queries else []

    async def header(self, block):
        self._fail()
        if isinstance(block, bytes):
            return next((one for one in self.blocks.values() if one.hash == block), None)

        return self.blocks.get(block)

    def _fail(self):
        if self.errors:
            error = self.errors.pop(0)
            if error is not None:
                raise error


def node_failure():
    return RpcError("the node fell over")


def orphaned():
    return ReorgError("the block is gone")
