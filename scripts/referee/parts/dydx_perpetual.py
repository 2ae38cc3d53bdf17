"""dYdX Perpetual V1: a liquidator takes a position over into an account of the operator's, and cannot leave it at once.

The executor acts for that account, so the probe is let do the same: by the slot that says so, found by asking the
perpetual. What a takeover is worth is what the account's own balance says before and after, at the oracle's price.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from referee import probe
from referee.abi import as_address, as_int, decode_answers, encode, encode_questions, selector, topic
from referee.chain import ASK, View, fetch_logs
from referee.errors import RefereeError
from referee.manifest import Deployment
from referee.parts.base import Funds, Holder, Liquidation, Reading
from referee.probe import Pair, Step, Subject, Trial
from referee.rpc import Rpc

KIND = "dydx_perpetual"
DEPOSIT = topic("LogDeposit(address,uint256,bytes32)")
WITHDRAW = topic("LogWithdraw(address,address,uint256,bytes32)")
TRADE = topic("LogTrade(address,address,address,uint256,uint256,bool,bytes32,bytes32)")
USED = topic("LogLiquidatorProxyUsed(address,address,bool,uint256,uint256)")
LIQUIDATE = "liquidate(address,address,bool,(uint256,bool))"
BALANCE = "getAccountBalance(address)"
MAY = "hasAccountPermissions(address,address)"
BASE = 10**18
# A position to end with that no account reaches: all there is is taken.
FAR = 1 << 119
# Of what is taken over, in basis points: left in the account, as more than any keeper would for leaving it again.
LEFT_BPS = 200
BPS = 10_000
GAS = 2_000_000


@dataclass(slots=True)
class DydxPerpetual:
    """One perpetual with the account that takes over; traders are only added.

    longs: whether each liquidatable trader's position is long. permit: the slot that lets the probe act.
    """

    name: str
    perpetual: str
    proxy: str
    account: str
    oracle: str
    token: str
    start_block: int
    traders: dict[str, None] = field(default_factory=dict)
    longs: dict[str, bool] = field(default_factory=dict)
    permit: str | None = None

    @property
    def accounts(self) -> int:
        return len(self.traders)

    @property
    def tokens(self) -> Sequence[str]:
        return [self.token]

    @property
    def claims(self) -> Sequence[str]:
        return ()

    def learn(self, rpc: Rpc, span: tuple[int, int]) -> None:
        first, last = span

        for log in fetch_logs(rpc, [self.perpetual], [[DEPOSIT, TRADE]], (max(first, self.start_block), last)):
            # Both sides of a trade are indexed; a deposit's amount is not.
            self.traders |= {_address(topic): None for topic in log["topics"][1:]}

        self.traders.pop(self.account, None)

    def read(self, view: View, funds: Funds) -> Reading:
        """Take everybody over in turn, and see what that did to the account."""
        del funds
        self._be_permitted(view)
        price = self._price(view)
        held = view.must([(self.perpetual, encode(BALANCE, trader)) for trader in self.traders])
        signs = {trader: _signed(one)[1] > 0 for trader, one in zip(self.traders, held, strict=True) if _signed(one)[1]}
        # The state lasts from one question to the next: what is due in funding comes first, then the takeover alone.
        told = view.ask(
            [
                question
                for trader, long in signs.items()
                for question in (
                    (self.perpetual, encode("deposit(address,uint256)", self.account, 0)),
                    (self.perpetual, encode(BALANCE, self.account)),
                    (self.proxy, self._liquidating(trader, long=long)),
                    (self.perpetual, encode(BALANCE, self.account)),
                )
            ]
        )
        self.longs = signs
        holders = []

        for i, trader in enumerate(signs):
            _, before, taken, after = told[4 * i : 4 * i + 4]

            if taken is not None and before and after:
                holders.append(self._holder(view, trader, _left(_signed(before), _signed(after), price)))

        return Reading(holders=holders)

    def trial(self, pair: Pair, size: int) -> Trial:
        """Take the whole position over, and withdraw so much of what the account gained."""
        trader = pair.subject.position
        steps = (
            # One unit is paid in, so that there is something to borrow.
            Step(self.perpetual, encode("deposit(address,uint256)", self.account, 1)),
            Step(self.proxy, self._liquidating(trader, long=self.longs[trader])),
            Step(self.perpetual, encode("withdraw(address,address,uint256)", self.account, probe.ADDRESS, size)),
        )
        return Trial(self.perpetual, steps, GAS)

    def liquidations(self, rpc: Rpc, span: tuple[int, int]) -> list[Liquidation]:
        """Return every takeover through the proxy, with what its account paid out behind it."""
        logs = fetch_logs(rpc, [self.perpetual, self.proxy], [[WITHDRAW, USED]], span)
        return [
            one
            for tx_hash, group in groupby(logs, key=lambda log: str(log["transactionHash"]))
            for one in self._of_transaction(tx_hash, list(group))
        ]

    def _of_transaction(self, tx_hash: str, logs: Sequence[Any]) -> Iterator[Liquidation]:
        starts = [i for i, log in enumerate(logs) if log["topics"][0] == USED]

        for start, end in zip(starts, [*starts[1:], len(logs)], strict=True):
            trader, taker = (_address(topic) for topic in logs[start]["topics"][1:])
            paid = [
                bytes.fromhex(log["data"][2:])
                for log in logs[start + 1 : end]
                if _address(log["topics"][1]) == taker and _receiver(log) != self.proxy
            ]
            yield Liquidation(
                tx_hash=tx_hash,
                block=int(logs[start]["blockNumber"], 16),
                subject=Subject(self.name, trader),
                collateral=self.token,
                debt=self.token,
                repaid=0,
                seized=sum(as_int(data, 1) for data in paid),
                # Who has the money is who did it: the account only takes over.
                liquidator=as_address(paid[0]) if paid else taker,
            )

    def _holder(self, view: View, trader: str, amount: int) -> Holder:
        subject = Subject(self.name, trader)
        sizes = {Pair(subject, self.token, self.token): (amount,)} if amount > 0 else {}
        return Holder(subject, 0, view.block.hash.encode(), sizes)

    def _liquidating(self, trader: str, *, long: bool) -> bytes:
        return encode(LIQUIDATE, trader, self.account, int(long), FAR, int(long))

    def _price(self, view: View) -> int:
        """Ask as the perpetual does, the only one who is answered."""
        request = {"from": self.perpetual, "to": self.oracle, "data": "0x" + selector("getPrice()").hex()}
        return int(view.rpc.call("eth_call", request, hex(view.block.number)), 16)

    def _be_permitted(self, view: View) -> None:
        """Let the probe act for the account, in this view: the slot that decides is looked for once."""
        question = encode(MAY, self.account, probe.ADDRESS)

        if self.permit is None:
            slots = [slot for _, slot in view.access_list(self.perpetual, question)]
            self.permit = next((slot for slot in slots if self._permits(view, slot, question)), None)

        if self.permit is None:
            message = f"deployment {self.name}: no storage slot lets the probe act for {self.account}"
            raise RefereeError(message)

        view.permits |= _set(self.perpetual, self.permit)

    def _permits(self, view: View, slot: str, question: bytes) -> bool:
        data = ASK + encode_questions([(self.perpetual, question)])
        answer = next(decode_answers(view.run(data, _set(self.perpetual, slot))))
        return bool(answer and as_int(answer))


def open_part(view: View, deployment: Deployment) -> DydxPerpetual:
    """Read a deployment; raises RefereeError where the perpetual does not name its parts."""
    perpetual, proxy, account = deployment.addresses("perpetual", "liquidator_proxy", "account")
    names = ("getOracleContract()", "getTokenContract()")
    oracle, token = map(as_address, view.must([(perpetual, selector(name)) for name in names]))
    return DydxPerpetual(deployment.name, perpetual, proxy, account, oracle, token, deployment.start_block)


def _left(before: tuple[int, int], after: tuple[int, int], price: int) -> int:
    """Return what a takeover added to the account at a price, less what stays there, rounded down."""
    margin, position = (later - earlier for earlier, later in zip(before, after, strict=True))
    return (margin * BASE + position * price - abs(position) * price * LEFT_BPS // BPS) // BASE


def _signed(balance: bytes) -> tuple[int, int]:
    """Return margin and position of a balance, signed."""
    margin, position = as_int(balance, 2), as_int(balance, 3)
    return margin if as_int(balance, 0) else -margin, position if as_int(balance, 1) else -position


def _set(address: str, slot: str) -> dict[str, dict[str, Any]]:
    return {address: {"stateDiff": {slot: "0x" + (1).to_bytes(32, "big").hex()}}}


def _address(topic_: str) -> str:
    return "0x" + topic_[-40:].lower()


def _receiver(log: Any) -> str:  # noqa: ANN401 (a log)
    return as_address(bytes.fromhex(log["data"][2:]))
