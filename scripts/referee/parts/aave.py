"""What all versions of Aave have in common from the outside; each version says how it spells what differs.

The answers serve two ends: to know whom to try, and to know what changed. For the second they are compared as bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from referee.abi import as_address, as_int, as_list, encode, selector, topic
from referee.chain import View, fetch_logs
from referee.manifest import Deployment
from referee.parts.base import USD_UNIT, Funds, Holder, Liquidation, Reading
from referee.probe import NOBODY, Loan, Pair, Step, Subject, Trial, encode_balance
from referee.rpc import Rpc
from referee.sizes import sizes

WAD = 10**18
LIQUIDATION = topic("LiquidationCall(address,address,address,uint256,uint256,address,bool)")
LIQUIDATE = "liquidationCall(address,address,address,uint256,bool)"


@dataclass(frozen=True, slots=True)
class Version:
    """How a version spells things: the provider's name for the pool, its loan, where reserve data has the tokens."""

    pool: str
    borrow: str
    loan_kind: int
    a_token: int
    dollars: bool
    """Whether its oracle prices in US dollars and says so."""


@dataclass(frozen=True, slots=True)
class Reserve:
    """One asset of the deployment: its receipt, and its debts, of which the stable one may not exist."""

    token: str
    a_token: str
    debts: tuple[str, ...]


@dataclass(slots=True)
class Aave:
    """One deployment; borrowers are only added, reserves read again when listed anew."""

    version: Version
    name: str
    provider: str
    start_block: int
    lender: str = NOBODY
    oracle: str = NOBODY
    reserves: dict[str, Reserve] = field(default_factory=dict)
    borrowers: dict[str, None] = field(default_factory=dict)

    @property
    def accounts(self) -> int:
        return len(self.borrowers)

    @property
    def tokens(self) -> Sequence[str]:
        return list(self.reserves)

    @property
    def claims(self) -> Sequence[str]:
        return [token for reserve in self.reserves.values() for token in (reserve.a_token, *reserve.debts)]

    def learn(self, rpc: Rpc, span: tuple[int, int]) -> None:
        first, last = span
        topics = [topic(self.version.borrow)]

        for log in fetch_logs(rpc, [self.lender], topics, (max(first, self.start_block), last)):
            self.borrowers["0x" + log["topics"][2][-40:].lower()] = None

    def read(self, view: View, funds: Funds) -> Reading:
        """Read the block: one call for what concerns all, one for every borrower's health, one for what they hold."""
        del funds
        self.locate(view)
        prices = view.ask([(self.oracle, encode("getAssetPrice(address)", token)) for token in self.reserves])
        found = {token: as_int(price) if price else 0 for token, price in zip(self.reserves, prices, strict=True)}
        parameters = self._parameters(view, found)
        return Reading(
            holders=self._holders(view, self._unsafe(view), parameters),
            dollars=self._dollars(view, found) if self.version.dollars else {},
            loans=self._loans(view),
        )

    def trial(self, pair: Pair, size: int) -> Trial:
        data = encode(LIQUIDATE, pair.collateral, pair.debt, pair.subject.position, size, 0)
        return Trial(self.lender, (Step(self.lender, data),))

    def liquidations(self, rpc: Rpc, span: tuple[int, int]) -> list[Liquidation]:
        return [self._liquidation(log) for log in fetch_logs(rpc, [self.lender], [LIQUIDATION], span)]

    def locate(self, view: View) -> None:
        """Ask the provider where pool and oracle are, and the pool what it lists."""
        found = view.must([(self.provider, encode(self.version.pool)), (self.provider, encode("getPriceOracle()"))])
        self.lender, self.oracle = map(as_address, found)
        (listed,) = view.must([(self.lender, encode("getReservesList()"))])
        tokens = ["0x" + value.to_bytes(20, "big").hex() for value in as_list(listed)]

        if tokens == list(self.reserves):
            return

        data = view.must([(self.lender, encode("getReserveData(address)", token)) for token in tokens])
        at = self.version.a_token
        self.reserves = {
            token: Reserve(
                token,
                as_address(words, at),
                tuple(debt for place in (at + 1, at + 2) if (debt := as_address(words, place)) != NOBODY),
            )
            for token, words in zip(tokens, data, strict=True)
        }

    def _unsafe(self, view: View) -> list[tuple[str, int]]:
        signature = "getUserAccountData(address)"
        answers = view.ask([(self.lender, encode(signature, borrower)) for borrower in self.borrowers])
        # A borrower whose account data reverts (a broken price) cannot be liquidated either: the pool asks the same.
        return [
            (borrower, as_int(answer, 5))
            for borrower, answer in zip(self.borrowers, answers, strict=True)
            if answer and as_int(answer, 5) < WAD
        ]

    def _holders(self, view: View, unsafe: Sequence[tuple[str, int]], parameters: dict[str, bytes]) -> list[Holder]:
        """Read what every liquidatable borrower owes and holds."""
        asked = [self._asked(borrower) for borrower, _ in unsafe]
        answers = iter(view.ask([question for questions in asked for question in questions]))
        own = [[next(answers) or b"" for _ in questions] for questions in asked]
        categories = self._categories(view, {as_int(answers[1]) for answers in own})
        return [
            self._holder(borrower, health, answers, categories[as_int(answers[1])], parameters)
            for (borrower, health), answers in zip(unsafe, own, strict=True)
        ]

    def _asked(self, borrower: str) -> list[tuple[str, bytes]]:
        """Ask for configuration and mode, then reserve by reserve: the receipts, debts as stored, debts as owed."""
        questions = [
            (self.lender, encode("getUserConfiguration(address)", borrower)),
            (self.lender, encode("getUserEMode(address)", borrower)),
        ]

        for reserve in self.reserves.values():
            questions.append((reserve.a_token, encode("scaledBalanceOf(address)", borrower)))
            # The variable debt is the last of them; a stable one keeps its principal.
            *stable, variable = reserve.debts
            questions += [(debt, encode("principalBalanceOf(address)", borrower)) for debt in stable]
            questions.append((variable, encode("scaledBalanceOf(address)", borrower)))
            questions += [(debt, encode_balance(borrower)) for debt in reserve.debts]

        return questions

    def _holder(
        self, borrower: str, health: int, answers: Sequence[bytes], category: bytes, parameters: dict[str, bytes]
    ) -> Holder:
        owed, held, stored, place = {}, [], [*answers[:2]], 2

        for reserve in self.reserves.values():
            count = len(reserve.debts)
            amount = sum(map(as_int, answers[place + 1 + count : place + 1 + 2 * count]))
            stored += answers[place : place + 1 + count]

            if as_int(answers[place]):
                held.append(reserve.token)

            if amount:
                owed[reserve.token] = amount

            place += 1 + 2 * count

        touched = [parameters[token] for token in self.reserves if token in owed or token in held]
        subject = Subject(self.name, borrower)
        pairs = {Pair(subject, collateral, debt): sizes(amount) for debt, amount in owed.items() for collateral in held}
        return Holder(subject, health, b"".join([*stored, category, parameters[NOBODY], *touched]), pairs)

    def _parameters(self, view: View, prices: dict[str, int]) -> dict[str, bytes]:
        """Return each reserve's price and parameters as bytes, and under the zero address the deployment's own."""
        sentinel = view.ask([(self.provider, encode("getPriceOracleSentinel()"))])[0] or bytes(32)
        allowed = view.ask([(as_address(sentinel), encode("isLiquidationAllowed()"))])[0]
        paused = view.ask([(self.lender, encode("paused()"))])[0]
        found = {NOBODY: self.oracle.encode() + sentinel + (allowed or b"") + (paused or b"")}
        answers = view.ask(
            [
                question
                for reserve in self.reserves.values()
                for question in [
                    (self.lender, encode("getConfiguration(address)", reserve.token)),
                    (self.lender, encode("getLiquidationGracePeriod(address)", reserve.token)),
                    (reserve.token, encode_balance(reserve.a_token)),
                ]
            ]
        )

        for i, token in enumerate(self.reserves):
            configuration, grace, liquid = (answer or b"" for answer in answers[3 * i : 3 * i + 3])
            # A grace period ends without any change of storage: whether it has is part of the state.
            over = bytes([bool(grace) and as_int(grace) < view.following.timestamp])
            found[token] = configuration + grace + over + liquid + prices[token].to_bytes(32, "big")

        return found

    def _categories(self, view: View, ids: set[int]) -> dict[int, bytes]:
        """Return what each e-mode category answers, whatever release of the protocol defines it."""
        signatures = (
            "getEModeCategoryData(uint8)",
            "getEModeCategoryCollateralConfig(uint8)",
            "getEModeCategoryCollateralBitmap(uint8)",
            "getEModeCategoryLtvzeroBitmap(uint8)",
        )
        listed, width = sorted(ids), len(signatures)
        answers = view.ask([(self.lender, encode(signature, i)) for i in listed for signature in signatures])
        return {i: b"".join(a or b"" for a in answers[n * width : (n + 1) * width]) for n, i in enumerate(listed)}

    def prices_in_dollars(self, view: View) -> bool:
        """Tell whether the oracle's base currency is the US dollar, which has no address."""
        (currency,) = view.ask([(self.oracle, selector("BASE_CURRENCY()"))])
        return currency not in (None, b"") and as_address(currency) == NOBODY

    def _dollars(self, view: View, prices: dict[str, int]) -> dict[str, int]:
        (unit,) = view.must([(self.oracle, selector("BASE_CURRENCY_UNIT()"))])
        return {token: price * USD_UNIT // as_int(unit) for token, price in prices.items()}

    def _loans(self, view: View) -> list[Loan]:
        (premium,) = view.must([(self.lender, encode("FLASHLOAN_PREMIUM_TOTAL()"))])
        liquid = view.must([(one.token, encode_balance(one.a_token)) for one in self.reserves.values()])
        return [
            Loan(self.version.loan_kind, self.lender, token, as_int(amount), as_int(premium))
            for token, amount in zip(self.reserves, liquid, strict=True)
        ]

    def _liquidation(self, log: Any) -> Liquidation:  # noqa: ANN401 (JSON)
        topics, data = log["topics"], bytes.fromhex(log["data"][2:])
        return Liquidation(
            tx_hash=log["transactionHash"],
            block=int(log["blockNumber"], 16),
            subject=Subject(self.name, "0x" + topics[3][-40:].lower()),
            collateral="0x" + topics[1][-40:].lower(),
            debt="0x" + topics[2][-40:].lower(),
            repaid=as_int(data, 0),
            seized=as_int(data, 1),
            liquidator=as_address(data, 2),
        )


def open_aave(view: View, deployment: Deployment, version: Version) -> Aave:
    """Read a deployment; raises RefereeError where the provider names no pool."""
    (provider,) = deployment.addresses("addresses_provider")
    aave = Aave(version, deployment.name, provider, deployment.start_block)
    aave.locate(view)
    return aave
