"""A laboratory on Comet's twin: the adapter reads a case's state through its own reads and is put beside what happens.

A state is written down as the recorded cases are, and put to the twin by the recording's own laboratory. The keeper's
calls are the encoder's, with a buyer in the executor's place.
"""

from functools import cached_property, partial

from keeper.protocols.calls import EXECUTOR
from keeper.protocols.compound_v3 import build
from keeper.protocols.compound_v3.terms import Totals
from keeper.protocols.words import encode, signed, word
from keeper.types import Address, BlockHead, BlockTarget, Call, Log, PositionKey
from tests.fakes.reads import drive_rounds
from tests.parity.twin_chain import account
from tests.parity.twin_comet_lab import BUYER
from tests.parity.twin_comet_lab import Lab as TwinLab
from tests.recorded import recorded

USER, OTHER = account("u0"), account("u1")
HEAD_S = 2_400_000_000
TARGET_S = HEAD_S + 12
HEAD = BlockHead(1, bytes(32), bytes(32), HEAD_S, 10**9, 0, 30_000_000, Address(bytes(20)))
TARGET = BlockTarget(2, TARGET_S, 10**9, TARGET_S + 36)


class Lab(TwinLab):
    """The recorded markets, and an adapter on each."""

    def __init__(self, packages):
        super().__init__(packages, recorded("comet"))

    @cached_property
    def adapters(self):
        found = {name: build(name, Address(market.twin)) for name, market in self.markets.items()}
        for name, adapter in found.items():
            staged = self.staged({"market": name}, HEAD_S)
            drive_rounds(adapter.sync.bootstrap(HEAD), partial(self._answers, staged))

        return found

    def constants(self, name):
        """A market's getters, as recorded."""
        return next(c["result"] for c in recorded("comet") if c["kind"] == "market" and c["state"]["market"] == name)

    def staged(self, state, timestamp):
        """A state in a block of this timestamp, without any call."""
        case = {"state": state, "call": {}}
        return self.scenario(case, [], timestamp)

    def observed(self, state):
        """What the adapter makes of a state at the head, aimed at the block after it; both accounts are read whole."""
        sync = self.adapters[state["market"]].sync
        answers = partial(self._answers, self.staged(state, HEAD_S))
        drive_rounds(sync.reread([PositionKey(USER), PositionKey(OTHER)], HEAD), answers)
        # A reread asks constants again, in case a reorg undid an upgrade: there are none here.
        sync._upgraded = False
        return drive_rounds(sync.observe(HEAD, TARGET), answers)

    def _answers(self, scenario, requests):
        return tuple(said for said, _ in self.run(scenario, [(BUYER, request) for request in requests]))

    def live(self, state, calls, before=()):
        """Make the keeper's calls in the target's block, behind others'; per call the answer and its logs.

        What the buyer has of each token is asked around every call of ours.
        """
        market = self.markets[state["market"]]
        tokens = [market.base[0], *(token for token, _ in market.assets)]
        script = list(before)
        for call in calls:
            ours = Call(call.to, call.data.replace(EXECUTOR, BUYER))
            script += [*self._wallet(tokens), (BUYER, ours)]

        script += [*self._wallet(tokens), *self._aftermath(market)]
        answered = self.run(self.staged(state, TARGET_S), script)
        ahead, answered = answered[: len(before)], answered[len(before) :]
        width = len(tokens) + 1
        wallets = [
            {token: word(answered[width * i + j][0].data, 0) for j, token in enumerate(tokens)}
            for i in range(len(calls) + 1)
        ]
        said = [answered[width * i + len(tokens)] for i in range(len(calls))]
        rest = answered[width * len(calls) + len(tokens) :]
        return Lived(ahead, said, wallets, Left([one.data for one, _ in rest], len(tokens) - 1))

    def _wallet(self, tokens):
        return [(BUYER, Call(Address(token), encode("balanceOf(address)", BUYER))) for token in tokens]

    def _aftermath(self, market):
        comet = Address(market.twin)
        reads = [Call(comet, encode("totalsBasic()"))]
        reads += [Call(comet, encode("userBasic(address)", user)) for user in (USER, OTHER)]
        reads += [Call(Address(market.base[0]), encode("balanceOf(address)", comet))]
        for token, _ in market.assets:
            reads += [
                Call(Address(token), encode("balanceOf(address)", comet)),
                Call(comet, encode("totalsCollateral(address)", token)),
            ]

        return [(BUYER, one) for one in reads]


class Left:
    """What the twin has once everything was done."""

    def __init__(self, data, count):
        totals = [word(data[0], i) for i in range(8)]
        self.totals = Totals(totals[0], totals[1], totals[4], totals[5], totals[6])
        self.pause_flags = totals[7]
        self.principals = [signed(word(one, 0)) for one in data[1:3]]
        self.base_balance = word(data[3], 0)
        self.assets = [(word(data[4 + 2 * i], 0), word(data[5 + 2 * i], 0)) for i in range(count)]
        """Balance and sum of accounts, by offset."""


class Lived:
    """What became of calls: those ahead, ours, what the buyer had around each, and what was left."""

    def __init__(self, ahead, said, wallets, left):
        self.ahead, self.said, self.wallets, self.left = ahead, said, wallets, left

    def gained(self, place, token):
        """What one call of ours moved of a token, signed."""
        return self.wallets[place + 1][token] - self.wallets[place][token]


def logs_of(answers):
    """The logs of several calls, as one block has them."""
    raw = [log for _, logs in answers for log in logs]
    return [
        Log(
            Address(bytes.fromhex(log["address"][2:])),
            tuple(bytes.fromhex(topic[2:]) for topic in log["topics"]),
            bytes.fromhex(log["data"][2:]),
            TARGET.number,
            bytes(32),
            bytes(32),
            index,
        )
        for index, log in enumerate(raw)
    ]
