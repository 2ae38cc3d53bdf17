"""Compound V3: an account without cover is absorbed whole, and what the protocol then owns anybody may buy.

Who can be absorbed is tried. A position is a borrower, or where collateral stands for sale without one, the asset.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from referee import probe
from referee.abi import as_address, as_int, encode, selector, topic, word
from referee.chain import View, fetch_logs
from referee.manifest import Deployment
from referee.parts.base import Funds, Holder, Liquidation, Reading
from referee.probe import Pair, Step, Subject, Trial
from referee.rpc import Rpc
from referee.sizes import MILLIONTHS

KIND = "compound_v3"
WITHDRAW = topic("Withdraw(address,address,uint256)")
# What an account passes on it may have borrowed.
TRANSFER = topic("Transfer(address,address,uint256)")
ABSORBED = topic("AbsorbDebt(address,address,uint256,uint256)")
BOUGHT = topic("BuyCollateral(address,address,uint256,uint256)")
ABSORB = selector("absorb(address,address[])")
BUY = "buyCollateral(address,uint256,uint256,address)"
ASSET = "getAssetInfo(uint8)"
STOCK = "getCollateralReserves(address)"
QUOTE = "quoteCollateral(address,uint256)"
HELD = "userCollateral(address,address)"
# Prices are asked for so many whole base tokens: enough that rounding does not matter.
ASKED = 1_000
# A stock that costs less than a whole base token is what rounding left.
LEAST = 1
# One part in so many is not asked for: the market's own rounding decides the last unit.
SHORT_OF_ALL = 1_000_000
GAS = 4_000_000


@dataclass(slots=True)
class CompoundV3:
    """One market; borrowers are only added. unit: of the base token."""

    name: str
    comet: str
    base: str
    unit: int
    assets: tuple[str, ...]
    start_block: int
    borrowers: dict[str, None] = field(default_factory=dict)

    @property
    def accounts(self) -> int:
        return len(self.borrowers)

    @property
    def tokens(self) -> Sequence[str]:
        return [self.base, *self.assets]

    @property
    def claims(self) -> Sequence[str]:
        """What is supplied is a token, and it is the market itself."""
        return [self.comet]

    def learn(self, rpc: Rpc, span: tuple[int, int]) -> None:
        first, last = span

        for log in fetch_logs(rpc, [self.comet], [[WITHDRAW, TRANSFER]], (max(first, self.start_block), last)):
            self.borrowers["0x" + log["topics"][1][-40:].lower()] = None

        self.borrowers.pop(probe.NOBODY, None)

    def read(self, view: View, funds: Funds) -> Reading:
        """Try to absorb everybody and to buy nothing of each asset, and ask what there is and what it costs."""
        absorbable = self._keeps(view, funds, {borrower: self._absorbing(borrower) for borrower in self.borrowers})
        on_sale = self._keeps(view, funds, {asset: self._buying(asset, 0) for asset in self.assets})
        stock = [as_int(answer) for answer in view.must([(self.comet, encode(STOCK, one)) for one in self.assets])]
        asked = [(self.comet, encode(QUOTE, asset, ASKED * self.unit)) for asset in self.assets]
        # A feed that says nothing prices nothing.
        bought = [as_int(answer or word(0)) for answer in view.ask(asked)]
        held = view.ask([(self.comet, encode(HELD, who, asset)) for who in absorbable for asset in self.assets])
        width = len(self.assets)
        found = [
            self._holder(asset, {asset: amount}, bought)
            for asset, amount in zip(self.assets, stock, strict=True)
            if asset in on_sale
        ]

        for place, account in enumerate(absorbable):
            own = [as_int(answer or word(0)) for answer in held[width * place : width * (place + 1)]]
            # What stands for sale already can be bought without absorbing anybody.
            amounts = {asset: one for asset, one in zip(self.assets, own, strict=True) if one}
            found.append(self._holder(account, amounts, bought))

        return Reading(holders=[one for one in found if one.sizes or one.subject.position not in self.assets])

    def trial(self, pair: Pair, size: int) -> Trial:
        """Absorb, where it is an account's, and buy for so much of the base."""
        position = pair.subject.position
        steps = [] if position == pair.collateral else [self._absorbing(position)]
        return Trial(self.comet, (*steps, self._buying(pair.collateral, size)), GAS)

    def liquidations(self, rpc: Rpc, span: tuple[int, int]) -> list[Liquidation]:
        """Return every absorption with the purchases behind it, and every other purchase."""
        logs = fetch_logs(rpc, [self.comet], [[ABSORBED, BOUGHT]], span)
        return [
            one
            for tx_hash, group in groupby(logs, key=lambda log: str(log["transactionHash"]))
            for one in self._of_transaction(tx_hash, list(group))
        ]

    def _of_transaction(self, tx_hash: str, logs: Sequence[Any]) -> Iterator[Liquidation]:
        """Give purchases to the account absorbed before them: all the base paid, and the first asset's amount."""
        block = int(logs[0]["blockNumber"], 16)
        absorbed: Any = None
        bought: list[Any] = []

        for log in logs:
            if log["topics"][0] == BOUGHT and absorbed is None:
                yield self._liquidation(tx_hash, block, _address(log, 2), [log])
            elif log["topics"][0] == BOUGHT:
                bought.append(log)
            else:
                if absorbed is not None:
                    yield self._absorption(tx_hash, block, absorbed, bought)

                absorbed, bought = log, []

        if absorbed is not None:
            yield self._absorption(tx_hash, block, absorbed, bought)

    def _absorption(self, tx_hash: str, block: int, absorbed: Any, bought: Sequence[Any]) -> Liquidation:  # noqa: ANN401 (a log)
        borrower = _address(absorbed, 2)

        if bought:
            return self._liquidation(tx_hash, block, borrower, bought)

        subject = Subject(self.name, borrower)
        return Liquidation(tx_hash, block, subject, "", self.base, None, None, _address(absorbed, 1))

    def _liquidation(self, tx_hash: str, block: int, position: str, bought: Sequence[Any]) -> Liquidation:
        amounts = [bytes.fromhex(log["data"][2:]) for log in bought]
        first = _address(bought[0], 2)
        return Liquidation(
            tx_hash=tx_hash,
            block=block,
            subject=Subject(self.name, position),
            collateral=first,
            debt=self.base,
            repaid=sum(as_int(data, 0) for data in amounts),
            seized=sum(as_int(data, 1) for log, data in zip(bought, amounts, strict=True) if _address(log, 2) == first),
            liquidator=_address(bought[0], 1),
        )

    def _keeps(self, view: View, funds: Funds, steps: dict[str, Step]) -> list[str]:
        """Return for which of them the market lets a step through."""
        pairs = [Pair(Subject(self.name, position), self.assets[0], self.base) for position in steps]
        trials = [(pair, Trial(self.comet, (steps[pair.subject.position],), GAS)) for pair in pairs]

        if not trials:
            return []

        results = probe.decode_trials(view.run(probe.encode_trials(trials), funds), [0] * len(trials))
        return [pair.subject.position for pair, result in zip(pairs, results, strict=True) if not result.reason]

    def _buying(self, asset: str, paid: int) -> Step:
        return Step(self.comet, encode(BUY, asset, 0, paid, probe.ADDRESS))

    def _absorbing(self, account: str) -> Step:
        # absorber, then the array's place, length and one member
        return Step(self.comet, ABSORB + word(probe.ADDRESS) + word(64) + word(1) + word(account))

    def _holder(self, position: str, amounts: dict[str, int], bought: Sequence[int]) -> Holder:
        """Find what amounts cost by what a round sum buys, and take parts of that."""
        subject = Subject(self.name, position)
        sizes: dict[Pair, Sequence[int]] = {}

        for asset, quote in zip(self.assets, bought, strict=True):
            whole = amounts.get(asset, 0) * ASKED * self.unit // quote if quote else 0

            if whole >= LEAST * self.unit:
                whole -= whole // SHORT_OF_ALL + 1
                sizes[Pair(subject, asset, self.base)] = sorted(
                    {max(1, whole * part // 1_000_000) for part in MILLIONTHS}
                )

        seen = b"".join(map(word, (*amounts.values(), *bought)))
        return Holder(subject, 0, seen, sizes)


def open_part(view: View, deployment: Deployment) -> CompoundV3:
    """Read a deployment; raises RefereeError where the market does not say what it takes."""
    (comet,) = deployment.addresses("comet")
    base, count = view.must([(comet, selector("baseToken()")), (comet, selector("numAssets()"))])
    token = as_address(base)
    unit = 10 ** as_int(view.must([(token, selector("decimals()"))])[0])
    infos = view.must([(comet, encode(ASSET, i)) for i in range(as_int(count))])
    assets = tuple(as_address(info, 1) for info in infos)
    return CompoundV3(deployment.name, comet, token, unit, assets, deployment.start_block)


def _address(log: Any, place: int) -> str:  # noqa: ANN401 (JSON)
    return "0x" + str(log["topics"][place])[-40:].lower()
