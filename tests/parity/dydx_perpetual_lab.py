"""A laboratory on the twin: any two accounts, set by storage overrides, read at one time and traded at another."""

from dataclasses import dataclass, replace

from keeper.protocols.calls import EXECUTOR
from keeper.protocols.dydx_perpetual import build
from keeper.protocols.dydx_perpetual.account import kept
from keeper.protocols.dydx_perpetual.discovery import read_accounts
from keeper.protocols.ledger import Ledger
from keeper.protocols.reads import gather
from keeper.protocols.words import encode, word
from keeper.types import ZERO_ADDRESS, Address, BlockHead, BlockTarget, Call, Log, PositionKey, Returned
from tests.parity.dydx_perpetual_cases import READ_AT
from tests.parity.node_answers import answers
from tests.parity.twin_chain import GAS, Scenario, _block, answering, hexed, mapped, packed, unhexed
from tests.parity.twin_dydx_lab import (
    BALANCE,
    FUND,
    GLOBAL_INDEX,
    GLOBAL_OPERATOR,
    INDEX,
    INSURANCE_FEE,
    MIN_COLLATERAL,
    OUTSIDER,
    RATE,
    RICH,
    SETTLED,
    TAKER,
    TOKENS,
)
from tests.parity.twin_dydx_lab import Lab as Twins

LOCAL_OPERATOR = 6
"""The slot of the twin that says who may act for an account; `OUTSIDER` is our executor here."""


@dataclass(frozen=True)
class Raw:
    """A call whose answer is taken as it is."""

    call: Call

    def fields(self):
        sender = self.call.sender or OUTSIDER
        return {"from": hexed(sender), "to": hexed(self.call.to), "data": hexed(self.call.data), "gas": hex(GAS)}


@dataclass(frozen=True)
class Lived:
    """What the chain did: the takeover's and the withdrawal's answers, logs, and everything afterwards."""

    ok: tuple
    revert: bytes
    logs: list
    theirs: object
    ours: object
    index: object
    fund: int
    paid: int


class Lab(Twins):
    """The twins with a funding oracle that answers for any time, and an adapter that reads them."""

    def __init__(self, packages):
        super().__init__(packages)
        self.copy_code(self.funding, [self.funder])
        self.chain.set_code(self.oracle, answering(1))

    def adapter(self, case):
        """An adapter for the case's margin account, bootstrapped."""
        found = build("parity", (self.perpetual, self.proxy), case.taker, is_usd=True)
        head = BlockHead(1, bytes(32), bytes(32), READ_AT, 10**9, 0, 10**9, ZERO_ADDRESS)
        _drive(found.sync.bootstrap(head), lambda asked: answers(self.chain, asked))
        return found, head

    def read(self, case):
        """The adapter, and its market as of the block everything is stored in, for the time of the takeover."""
        found, head = self.adapter(case)
        target = BlockTarget(2, case.timestamp, 10**9, case.timestamp + 36)
        keys = [PositionKey(bytes(case.maker)), PositionKey(bytes(TAKER))]
        reads = gather(found.sync.observe(head, target), read_accounts(self.perpetual, keys))
        market, accounts = _drive(reads, lambda asked: self._simulate(case, READ_AT, asked)[0])
        assert accounts == {keys[0]: kept(*case.theirs), keys[1]: kept(*case.ours)}
        return found, replace(market, ledger=Ledger(accounts))

    def live(self, case, calls):
        """Make calls as the executor, one after the other, and look at what they leave."""
        asked = [Call(one.to, one.data.replace(EXECUTOR, Address(OUTSIDER))) for one in calls]
        looks = [
            Call(self.perpetual, encode("getGlobalIndex()")),
            Call(self.perpetual, encode("getAccountBalance(address)", Address(FUND))),
            Call(self.token, encode("balanceOf(address)", Address(OUTSIDER))),
        ]
        keys = [PositionKey(bytes(case.maker)), PositionKey(bytes(TAKER))]
        accounts = read_accounts(self.perpetual, keys)
        said, logs = self._simulate(case, case.timestamp, [*asked, *looks, *next(accounts)])
        done, seen, rest = said[: len(asked)], said[len(asked) : len(asked) + 3], said[len(asked) + 3 :]
        left = _finish(accounts, rest)
        index, fund, paid = seen
        return Lived(
            ok=tuple(one.ok for one in done),
            revert=next((one.data for one in done if not one.ok), b""),
            logs=logs,
            theirs=left[keys[0]],
            ours=left[keys[1]],
            index=tuple(word(index.data, i) for i in range(3)),
            fund=word(fund.data, 2),
            paid=word(paid.data, 0),
        )

    def _simulate(self, case, timestamp, asked):
        block = _block(Scenario(timestamp, [Raw(one) for one in asked], self._words(case), self._codes(case)))
        (found,) = self.chain.node.rpc("eth_simulateV1", block, "latest")
        said = tuple(Returned(one["status"] == "0x1", unhexed(one["returnData"])) for one in found["calls"])
        return said, [_as_log(log) for one in found["calls"] for log in one["logs"]]

    def _words(self, case):
        perpetual = {
            GLOBAL_INDEX: _index(case.index),
            MIN_COLLATERAL: case.min_collateral,
            SETTLED: int(case.closed),
            mapped(GLOBAL_OPERATOR, self.proxy): int(not case.fired),
            mapped(LOCAL_OPERATOR, TAKER, OUTSIDER): 1,
        }
        for who, account in ((case.maker, case.theirs), (TAKER, case.ours)):
            perpetual[mapped(BALANCE, who)] = _balance(account.balance)
            perpetual[mapped(INDEX, who)] = _index(account.settled_at)

        rate = _index(case.index._replace(value=case.rate))
        return {
            self.perpetual: perpetual,
            self.proxy: {INSURANCE_FEE: case.insurance_fee},
            self.token: {mapped(TOKENS, self.perpetual): RICH},
            self.funder: {RATE: rate},
        }

    def _codes(self, case):
        return {self.oracle: answering(case.price)}


def _balance(balance):
    signs = ((part.is_positive, 8) for part in balance)
    return packed(*signs, *((part.value, 120) for part in balance))


def _index(index):
    return packed((index.timestamp, 32), (index.value.is_positive, 8), (index.value.value, 128))


def _drive(read, answer):
    asked = next(read)
    while True:
        try:
            asked = read.send(tuple(answer(asked)))
        except StopIteration as stop:
            return stop.value


def _finish(read, said):
    try:
        read.send(tuple(said))
    except StopIteration as stop:
        return stop.value

    raise AssertionError("another round of reads")


def _as_log(log):
    topics = tuple(unhexed(topic) for topic in log["topics"])
    return Log(Address(unhexed(log["address"])), topics, unhexed(log["data"]), 2, bytes(32), bytes(32), 0)
