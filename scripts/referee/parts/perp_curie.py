"""Perp v2 (Curie): a liquidator takes the position over, so a trial deposits margin, takes, closes and withdraws.

All within one transaction and in one token: what is withdrawn less what was deposited is the profit. Marks are means
over time and move in every block, so nothing tried is carried over.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from referee.abi import as_address, as_int, as_list, as_signed, encode, selector, topic, word
from referee.chain import View, fetch_logs
from referee.manifest import Deployment
from referee.parts.base import Funds, Holder, Liquidation, Reading
from referee.probe import Pair, Step, Subject, Trial
from referee.rpc import Rpc

KIND = "perp_curie"
CHANGED = topic("PositionChanged(address,address,int256,int256,uint256,int256,int256,uint256)")
LIQUIDATED = topic("PositionLiquidated(address,address,uint256,uint256,uint256,address)")
# Taking over and closing walk through observations and ticks.
GAS = 10_000_000
WAD = 10**18
# Tenths of a position: each size is two large transactions, so few are tried.
TENTHS = (1, 3, 5, 7, 10)
# Of what is taken over, in hundredths: above the margin that any market asks for.
MARGIN = 25


@dataclass(frozen=True, slots=True)
class Position:
    """A trader's position in one market: base units and value with 18 decimals, signed, and whether orders are open."""

    size: int
    value: int
    orders: bool


@dataclass(slots=True)
class PerpCurie:
    """One clearing house; traders are only added."""

    name: str
    house: str
    vault: str
    balances: str
    book: str
    settlement: str
    unit: int
    start_block: int
    traders: dict[str, None] = field(default_factory=dict)
    positions: dict[tuple[Subject, str], Position] = field(default_factory=dict)

    @property
    def accounts(self) -> int:
        return len(self.traders)

    @property
    def tokens(self) -> Sequence[str]:
        return [self.settlement]

    @property
    def claims(self) -> Sequence[str]:
        return ()

    def learn(self, rpc: Rpc, span: tuple[int, int]) -> None:
        first, last = span

        for log in fetch_logs(rpc, [self.house], [CHANGED], (max(first, self.start_block), last)):
            self.traders["0x" + log["topics"][1][-40:].lower()] = None

    def read(self, view: View, funds: Funds) -> Reading:
        """Compare what the contracts say an account is worth with what they say it must be."""
        del funds
        answers = view.ask(
            [
                question
                for trader in self.traders
                for question in (
                    (self.house, encode("getAccountValue(address)", trader)),
                    (self.balances, encode("getMarginRequirementForLiquidation(address)", trader)),
                    (self.balances, encode("getBaseTokens(address)", trader)),
                )
            ]
        )
        self.positions.clear()
        holders = []

        for i, trader in enumerate(self.traders):
            value, required, tokens = answers[3 * i : 3 * i + 3]

            if not value or not required or not tokens or as_signed(value) >= as_signed(required):
                continue

            bases = ["0x" + base.to_bytes(20, "big").hex() for base in as_list(tokens)]
            holders.append(self._holder(view, trader, as_signed(value), bases))

        return Reading(holders=holders)

    def trial(self, pair: Pair, size: int) -> Trial:
        """Deposit margin for so much of the position, take it over, close it, and withdraw everything."""
        (base,) = pair.via
        trader = pair.subject.position
        position = self.positions[pair.subject, base]
        margin = abs(position.value) * size // abs(position.size) * MARGIN // 100 * self.unit // WAD + self.unit
        signed = size if position.size > 0 else -size
        take = selector("liquidate(address,address,int256)") + word(trader) + word(base) + word(signed % 2**256)
        close = selector("closePosition((address,uint160,uint256,uint256,bytes32))")
        cancel = encode("cancelAllExcessOrders(address,address)", trader, base)
        steps = [
            *([Step(self.house, cancel)] if position.orders else []),
            Step(self.vault, encode("deposit(address,uint256)", self.settlement, margin)),
            Step(self.house, take),
            Step(self.house, close + word(base) + word(0) + word(0) + word(2**255) + word(0)),
            Step(self.vault, encode("withdrawAll(address)", self.settlement)),
        ]
        return Trial(self.vault, tuple(steps), GAS)

    def liquidations(self, rpc: Rpc, span: tuple[int, int]) -> list[Liquidation]:
        """Return every takeover; what was paid and gained is not in the event, but in the transfers."""
        return [
            Liquidation(
                tx_hash=log["transactionHash"],
                block=int(log["blockNumber"], 16),
                subject=Subject(self.name, "0x" + log["topics"][1][-40:].lower()),
                collateral=self.settlement,
                debt=self.settlement,
                repaid=None,
                seized=None,
                liquidator=as_address(bytes.fromhex(log["data"][2:]), 3),
            )
            for log in fetch_logs(rpc, [self.house], [LIQUIDATED], span)
        ]

    def _holder(self, view: View, trader: str, value: int, bases: Sequence[str]) -> Holder:
        answers = view.ask(
            [
                question
                for base in bases
                for question in (
                    (self.balances, encode("getTotalPositionSize(address,address)", trader, base)),
                    (self.balances, encode("getTotalPositionValue(address,address)", trader, base)),
                    (self.book, encode("getOpenOrderIds(address,address)", trader, base)),
                )
            ]
        )
        subject = Subject(self.name, trader)
        sizes: dict[Pair, Sequence[int]] = {}

        for i, base in enumerate(bases):
            size, worth, orders = (answer or b"" for answer in answers[3 * i : 3 * i + 3])
            position = Position(as_signed(size), as_signed(worth), bool(orders and as_list(orders)))

            if position.size:
                self.positions[subject, base] = position
                listed = sorted({max(1, abs(position.size) * tenths // 10) for tenths in TENTHS})
                sizes[Pair(subject, self.settlement, self.settlement, (base,))] = listed

        return Holder(subject, value, view.block.hash.encode(), sizes)


def open_part(view: View, deployment: Deployment) -> PerpCurie:
    """Read a deployment; raises RefereeError where the clearing house does not name its parts."""
    (house,) = deployment.addresses("clearing_house")
    names = ("getVault()", "getAccountBalance()", "getOrderBook()")
    vault, balances, book = map(as_address, view.must([(house, selector(name)) for name in names]))
    settlement = as_address(view.must([(vault, selector("getSettlementToken()"))])[0])
    decimals = as_int(view.must([(settlement, selector("decimals()"))])[0])
    return PerpCurie(deployment.name, house, vault, balances, book, settlement, 10**decimals, deployment.start_block)
