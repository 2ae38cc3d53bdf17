"""Morpho Blue: isolated markets that anybody may make. No view says who is unhealthy, so a unit is tried on everybody.

A position is a market's id and a borrower. A market whose oracle burns all gas costs its own trials and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from referee import probe
from referee.abi import as_int, blob, encode, pack, selector, topic
from referee.chain import View, fetch_logs
from referee.manifest import Deployment
from referee.parts.base import Funds, Holder, Liquidation, Reading
from referee.probe import MAX_SIZE, MORPHO_BLUE, Loan, Pair, Step, Subject, Trial, encode_balance
from referee.rpc import Rpc
from referee.sizes import sizes

KIND = "morpho_blue"
CREATE = topic("CreateMarket(bytes32,(address,address,address,address,uint256))")
BORROW = topic("Borrow(bytes32,address,address,address,uint256,uint256)")
LIQUIDATED = topic("Liquidate(bytes32,address,address,uint256,uint256,uint256,uint256,uint256)")
LIQUIDATE = selector("liquidate((address,address,address,address,uint256),address,uint256,uint256,bytes)")
# Above a liquidation with any honest oracle and rate model.
GAS = 2_000_000


@dataclass(frozen=True, slots=True)
class Market:
    """One market: its parameters as they are hashed and passed, and what they name."""

    id: str
    parameters: bytes

    @property
    def loan(self) -> str:
        return "0x" + self.parameters[12:32].hex()

    @property
    def collateral(self) -> str:
        return "0x" + self.parameters[44:64].hex()

    @property
    def oracle(self) -> str:
        return "0x" + self.parameters[76:96].hex()


@dataclass(slots=True)
class MorphoBlue:
    """One Morpho with all its markets; borrowers are only added, by position."""

    name: str
    morpho: str
    start_block: int
    markets: dict[str, Market] = field(default_factory=dict)
    borrowers: dict[str, tuple[Market, str]] = field(default_factory=dict)
    shares: dict[Subject, int] = field(default_factory=dict)

    @property
    def accounts(self) -> int:
        return len(self.borrowers)

    @property
    def tokens(self) -> Sequence[str]:
        markets = [market for market, _ in self.borrowers.values()]
        return list(dict.fromkeys(token for market in markets for token in (market.loan, market.collateral)))

    @property
    def claims(self) -> Sequence[str]:
        return ()

    def learn(self, rpc: Rpc, span: tuple[int, int]) -> None:
        first, last = span

        for log in fetch_logs(rpc, [self.morpho], [[CREATE, BORROW]], (max(first, self.start_block), last)):
            topics = log["topics"]

            if topics[0] == CREATE:
                self.markets[topics[1]] = Market(topics[1], bytes.fromhex(log["data"][2:]))
            else:
                borrower = "0x" + topics[2][-40:].lower()
                self.borrowers[_position(topics[1], borrower)] = (self.markets[topics[1]], borrower)

    def read(self, view: View, funds: Funds) -> Reading:
        """Find who can be liquidated by trying a single unit of collateral, and read what they hold."""
        tried = self._try_least(view, funds)
        unsafe = [position for position, kept in zip(self.borrowers, tried, strict=True) if kept]
        holders = [
            holder
            for position, answers in zip(unsafe, self._read(view, unsafe), strict=True)
            if (holder := self._holder(position, answers)) is not None
        ]
        tokens = self.tokens
        held = view.must([(token, encode_balance(self.morpho)) for token in tokens])
        loans = [Loan(MORPHO_BLUE, self.morpho, token, as_int(one), 0) for token, one in zip(tokens, held, strict=True)]
        return Reading(holders=holders, loans=loans)

    def trial(self, pair: Pair, size: int) -> Trial:
        """Seize so much collateral, or with the greatest size repay every share there is."""
        market, borrower = self.borrowers[pair.subject.position]
        amounts = (0, self.shares[pair.subject]) if size == MAX_SIZE else (size, 0)
        return self._trial(market, borrower, *amounts)

    def liquidations(self, rpc: Rpc, span: tuple[int, int]) -> list[Liquidation]:
        found = []

        for log in fetch_logs(rpc, [self.morpho], [LIQUIDATED], span):
            topics, data = log["topics"], bytes.fromhex(log["data"][2:])
            market = self.markets[topics[1]]
            found.append(
                Liquidation(
                    tx_hash=log["transactionHash"],
                    block=int(log["blockNumber"], 16),
                    subject=Subject(self.name, _position(topics[1], "0x" + topics[3][-40:].lower())),
                    collateral=market.collateral,
                    debt=market.loan,
                    repaid=as_int(data, 0),
                    seized=as_int(data, 2),
                    liquidator="0x" + topics[2][-40:].lower(),
                )
            )

        return found

    def _try_least(self, view: View, funds: Funds) -> list[bool]:
        trials = [
            (self._pair(position), self._trial(market, borrower, 1, 0))
            for position, (market, borrower) in self.borrowers.items()
        ]

        if not trials:
            return []

        results = probe.decode_trials(view.run(probe.encode_trials(trials), funds), [1] * len(trials))
        return [not result.reason for result in results]

    def _read(self, view: View, positions: Sequence[str]) -> list[list[bytes]]:
        """Read of each position: itself, its market's totals, and its price."""
        questions = []

        for position in positions:
            market, borrower = self.borrowers[position]
            questions += [
                (self.morpho, encode("position(bytes32,address)", int(market.id, 16), borrower)),
                (self.morpho, encode("market(bytes32)", int(market.id, 16))),
                (market.oracle, selector("price()")),
            ]

        answers = view.ask(questions)
        return [[answer or b"" for answer in answers[3 * i : 3 * i + 3]] for i in range(len(positions))]

    def _holder(self, position: str, answers: Sequence[bytes]) -> Holder | None:
        subject = Subject(self.name, position)
        shares, collateral = as_int(answers[0], 1), as_int(answers[0], 2)
        self.shares[subject] = shares

        if not shares or not collateral:
            return None

        return Holder(subject, 0, b"".join(answers), {self._pair(position): sizes(collateral)})

    def _pair(self, position: str) -> Pair:
        market, _ = self.borrowers[position]
        return Pair(Subject(self.name, position), market.collateral, market.loan)

    def _trial(self, market: Market, borrower: str, seized: int, shares: int) -> Trial:
        words = [int.from_bytes(market.parameters[i : i + 32], "big") for i in range(0, 160, 32)]
        data = LIQUIDATE + pack(*words, borrower, seized, shares, blob(b""))
        return Trial(self.morpho, (Step(self.morpho, data),), GAS)


def open_part(view: View, deployment: Deployment) -> MorphoBlue:
    """Read a deployment; raises RefereeError where there is no Morpho."""
    (morpho,) = deployment.addresses("morpho")
    view.must([(morpho, selector("owner()"))])
    return MorphoBlue(deployment.name, morpho, deployment.start_block)


def _position(market: str, borrower: str) -> str:
    """Spell a position as the report does: the market's id and the borrower behind it."""
    return market.lower() + borrower[2:]
