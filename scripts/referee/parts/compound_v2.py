"""Compound V2 and its forks: what is seized comes as cTokens, and is redeemed within the trial at that block's rate.

Rejections need not revert: a trial that gains nothing was refused. Where a fork lets only a contract of its own
liquidate, that contract is called.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from referee import probe
from referee.abi import as_address, as_int, as_list, encode, selector, topic
from referee.chain import View, fetch_logs
from referee.manifest import Deployment
from referee.parts.base import Funds, Holder, Liquidation, Reading
from referee.probe import MAX_SIZE, NOBODY, Fill, Pair, Step, Subject, Trial, encode_balance
from referee.rpc import Rpc
from referee.sizes import sizes

KIND = "compound_v2"
BORROW = topic("Borrow(address,uint256,uint256,uint256)")
REDEEM = topic("Redeem(address,uint256,uint256)")
LIQUIDATED = topic("LiquidateBorrow(address,address,uint256,address,uint256)")
LIQUIDATED_FOR = topic("LiquidateBorrowedTokens(address,address,uint256,address,address,uint256,uint256)")
REDEEM_CALL = "redeem(uint256)"


@dataclass(frozen=True, slots=True)
class Market:
    """A cToken and what it is a claim on; the native asset is traded wrapped."""

    token: str
    underlying: str
    native: bool


@dataclass(slots=True)
class CompoundV2:
    """One comptroller with its markets; borrowers are only added, markets read again when listed anew."""

    name: str
    comptroller: str
    wrapped_native: str
    start_block: int
    markets: dict[str, Market] = field(default_factory=dict)
    liquidator: str = NOBODY
    borrowers: dict[str, None] = field(default_factory=dict)

    @property
    def accounts(self) -> int:
        return len(self.borrowers)

    @property
    def tokens(self) -> Sequence[str]:
        return list(dict.fromkeys(market.underlying for market in self.markets.values()))

    @property
    def claims(self) -> Sequence[str]:
        return list(self.markets)

    def learn(self, rpc: Rpc, span: tuple[int, int]) -> None:
        first, last = span

        for log in fetch_logs(rpc, list(self.markets), [BORROW], (max(first, self.start_block), last)):
            self.borrowers[as_address(bytes.fromhex(log["data"][2:]))] = None

    def read(self, view: View, funds: Funds) -> Reading:
        """Read the comptroller's word on every borrower, and what those in shortfall owe and hold."""
        del funds
        self.locate(view)
        weighed = view.ask(
            [(self.comptroller, encode("getAccountLiquidity(address)", borrower)) for borrower in self.borrowers]
        )
        # An account that cannot be weighed (a broken price) cannot be liquidated either.
        unsafe = [
            (borrower, as_int(answer, 2))
            for borrower, answer in zip(self.borrowers, weighed, strict=True)
            if answer and not as_int(answer) and as_int(answer, 2)
        ]
        return Reading(holders=self._holders(view, unsafe) if unsafe else [])

    def trial(self, pair: Pair, size: int) -> Trial:
        """Repay, then turn every cToken gained into what it is a claim on, wrapped where that is native."""
        debt, collateral = (self.markets[token] for token in pair.via)
        gained = Fill(4, collateral.token, encode_balance(probe.ADDRESS))
        steps = [
            *self._repay(debt, collateral, pair.subject.position, size),
            Step(collateral.token, encode(REDEEM_CALL, 0), (gained,)),
        ]

        if collateral.native:
            steps.append(Step(self.wrapped_native, selector("deposit()"), value=MAX_SIZE))

        return Trial(debt.token if self.liquidator == NOBODY else self.liquidator, tuple(steps))

    def liquidations(self, rpc: Rpc, span: tuple[int, int]) -> list[Liquidation]:
        """Pair each liquidation with who had it made, where a contract stands between, and with what was redeemed."""
        sources = [*self.markets, *([] if self.liquidator == NOBODY else [self.liquidator])]
        logs = fetch_logs(rpc, sources, [[LIQUIDATED, LIQUIDATED_FOR, REDEEM]], span)
        return [
            self._liquidation(log, _until_next(logs[place + 1 :], log["transactionHash"]))
            for place, log in enumerate(logs)
            if log["topics"][0] == LIQUIDATED
        ]

    def locate(self, view: View) -> None:
        """Ask the comptroller for its markets, and each of them for what it is a claim on."""
        (listed,) = view.must([(self.comptroller, selector("getAllMarkets()"))])
        tokens = ["0x" + value.to_bytes(20, "big").hex() for value in as_list(listed)]
        (liquidator,) = view.ask([(self.comptroller, selector("liquidatorContract()"))])
        self.liquidator = as_address(liquidator) if liquidator else NOBODY

        if tokens == list(self.markets):
            return

        found = view.ask([(token, selector("underlying()")) for token in tokens])
        self.markets = {
            token: Market(token, as_address(answer) if answer else self.wrapped_native, not answer)
            for token, answer in zip(tokens, found, strict=True)
        }

    def _repay(self, debt: Market, collateral: Market, borrower: str, size: int) -> list[Step]:
        value = size if debt.native else 0
        unwrap = [Step(self.wrapped_native, encode("withdraw(uint256)", size))] if debt.native else []

        if self.liquidator != NOBODY:
            signature = "liquidateBorrow(address,address,uint256,address)"
            data = encode(signature, debt.token, borrower, size, collateral.token)
            return [*unwrap, Step(self.liquidator, data, value=value)]

        if debt.native:
            data = encode("liquidateBorrow(address,address)", borrower, collateral.token)
            return [*unwrap, Step(debt.token, data, value=value)]

        return [Step(debt.token, encode("liquidateBorrow(address,uint256,address)", borrower, size, collateral.token))]

    def _holders(self, view: View, unsafe: Sequence[tuple[str, int]]) -> list[Holder]:
        common, markets = self._rules(view)
        tokens = list(self.markets)
        answers = view.ask(
            [(token, encode("getAccountSnapshot(address)", borrower)) for borrower, _ in unsafe for token in tokens]
        )
        width = len(tokens)
        return [
            self._holder(
                borrower,
                shortfall,
                dict(zip(tokens, (answer or b"" for answer in answers[i * width : (i + 1) * width]), strict=True)),
                (common, markets),
            )
            for i, (borrower, shortfall) in enumerate(unsafe)
        ]

    def _holder(
        self, borrower: str, shortfall: int, own: Mapping[str, bytes], rules: tuple[bytes, Mapping[str, bytes]]
    ) -> Holder:
        held = [self.markets[token] for token, answer in own.items() if as_int(answer, 1)]
        owed = {token: amount for token, answer in own.items() if (amount := as_int(answer, 2))}
        subject = Subject(self.name, borrower)
        pairs = {
            Pair(subject, collateral.underlying, self.markets[debt].underlying, (debt, collateral.token)): sizes(amount)
            for debt, amount in owed.items()
            for collateral in held
        }
        touched = [rules[1][token] + own[token] for token in self.markets if as_int(own[token], 1) or token in owed]
        return Holder(subject, shortfall, b"".join([rules[0], *touched]), pairs)

    def _rules(self, view: View) -> tuple[bytes, dict[str, bytes]]:
        """Return what decides over trials, as bytes: the comptroller's and each market's, prices and cash included."""
        oracle = as_address(view.must([(self.comptroller, selector("oracle()"))])[0])
        common = view.ask(
            [
                (self.comptroller, selector(name))
                for name in ("closeFactorMantissa()", "liquidationIncentiveMantissa()", "liquidatorContract()")
            ]
        )
        questions = [
            question
            for token in self.markets
            for question in [
                (oracle, encode("getUnderlyingPrice(address)", token)),
                (self.comptroller, encode("markets(address)", token)),
                (token, selector("getCash()")),
                (token, selector("totalBorrows()")),
            ]
        ]
        answers = view.ask(questions)
        found = {
            token: b"".join(answer or b"" for answer in answers[4 * i : 4 * i + 4])
            for i, token in enumerate(self.markets)
        }
        return oracle.encode() + b"".join(answer or b"" for answer in common), found

    def _liquidation(self, log: Any, following: Sequence[Any]) -> Liquidation:  # noqa: ANN401 (JSON)
        data, debt = bytes.fromhex(log["data"][2:]), self.markets[log["address"].lower()]
        collateral = self.markets[as_address(data, 3)]
        via = next((it for it in following if it["topics"][0] == LIQUIDATED_FOR), None)
        redeemed = [
            as_int(bytes.fromhex(it["data"][2:]), 1)
            for it in following
            if it["topics"][0] == REDEEM and it["address"].lower() == collateral.token
        ]
        return Liquidation(
            tx_hash=log["transactionHash"],
            block=int(log["blockNumber"], 16),
            subject=Subject(self.name, as_address(data, 1)),
            collateral=collateral.underlying,
            debt=debt.underlying,
            repaid=as_int(data, 2),
            seized=sum(redeemed),
            liquidator=_who(data, self.liquidator, via),
        )


def open_part(view: View, deployment: Deployment) -> CompoundV2:
    """Read a deployment; raises RefereeError where the comptroller lists no markets."""
    comptroller, wrapped_native = deployment.addresses("comptroller", "wrapped_native")
    compound = CompoundV2(deployment.name, comptroller, wrapped_native, deployment.start_block)
    compound.locate(view)
    return compound


def _until_next(logs: Sequence[Any], tx_hash: str) -> list[Any]:
    """Return what else a transaction logged, up to its next liquidation."""
    found = []

    for log in logs:
        if log["transactionHash"] != tx_hash or log["topics"][0] == LIQUIDATED:
            break

        found.append(log)

    return found


def _who(data: bytes, between: str, via: Any) -> str:  # noqa: ANN401 (JSON)
    """Name who had a liquidation made: the caller of the market, or of the contract in between."""
    caller = as_address(data)
    return caller if via is None or caller != between else "0x" + via["topics"][1][-40:].lower()
