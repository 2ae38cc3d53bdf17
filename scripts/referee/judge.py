"""Block after block: who could be liquidated, what the best trial earned, and whether that was worth it."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from referee.chain import Block, Next, View, fetch_block
from referee.fullrun import Conclusion, FullRuns
from referee.funds import find_funds
from referee.manifest import Manifest
from referee.parts import open_part
from referee.parts.base import Part, Reading
from referee.pools import Pools
from referee.probe import Loan, Subject
from referee.rpc import Rpc
from referee.scout import Ground, Scout
from referee.worth import Prices, Worth, floor_worth, gas_worth, read_prices, token_worth


@dataclass(frozen=True, slots=True)
class Finding:
    """The best that the referee did with one position at one block."""

    block: int
    conclusion: Conclusion
    worth: Worth


@dataclass(frozen=True, slots=True)
class Record:
    """One judged block: the health of everything liquidatable, and what paid, by position."""

    block: Block
    unsafe: dict[Subject, int]
    paid: dict[Subject, Finding]


@dataclass(slots=True)
class Judge:
    """Judges blocks in order; `records` holds one entry a block, of one branch of the chain."""

    rpc: Rpc
    manifest: Manifest
    parts: tuple[Part, ...]
    pools: Pools
    first: int
    scout: Scout
    full_runs: FullRuns = field(default_factory=FullRuns)
    records: list[Record] = field(default_factory=list)
    pairs: set[object] = field(default_factory=set)
    unfunded: int = 0
    busy_s: float = 0.0
    _funds: dict[str, dict[str, Any]] = field(default_factory=dict)
    _funded: set[str] = field(default_factory=set)

    @property
    def following(self) -> int:
        """The number of the block to judge next."""
        return self.first + len(self.records)

    def advance(self, head: int) -> None:
        """Judge every block that has a successor: its timestamp and base fee are what a trial would have met."""
        while self.following < head:
            block, after = (fetch_block(self.rpc, number) for number in (self.following, self.following + 1))

            if after.parent == block.hash and self._extends(block):
                self._judge(block, Next(after.number, after.timestamp, after.base_fee))

    def finish(self, last: int) -> None:
        """Judge up to the last block, whose successor is taken to come after the same gap and at the same base fee."""
        while self.following <= last:
            self.advance(last)
            block = fetch_block(self.rpc, last)

            if self._extends(block):
                gap = block.timestamp - fetch_block(self.rpc, last - 1).timestamp if last else 1
                self._judge(block, Next(last + 1, block.timestamp + max(1, gap), block.base_fee))

    def _extends(self, block: Block) -> bool:
        """Tell whether a block follows the last one judged; where it does not, take that one back."""
        if not self.records or self.records[-1].block.hash == block.parent:
            return True

        # The branch we judged is gone: its blocks are judged anew, one step at a time until the parents match.
        self.records.pop()
        return False

    def _judge(self, block: Block, following: Next) -> None:
        started = time.monotonic()
        span = (block.number, block.number)
        self.pools.learn(self.rpc, span)

        for part in self.parts:
            part.learn(self.rpc, span)

        view = View(self.rpc, block, following)
        self._find_funds(view)
        readings = [part.read(view, self._funds) for part in self.parts]
        prices = read_prices(view, self.manifest, self._tokens(), readings)
        ground = Ground(self.pools, self.pools.read(view), prices, _loans(readings), self._funds)
        holders = [(part, one) for part, reading in zip(self.parts, readings, strict=True) for one in reading.holders]
        conclusions = self.full_runs.run(view, self.scout.run(view, ground, holders))
        self.pairs.update(pair for _, holder in holders for pair in holder.sizes)
        unsafe = {holder.subject: holder.health for _, holder in holders}
        self.records.append(Record(block, unsafe, self._paid(block, following, prices, conclusions)))
        self.busy_s += time.monotonic() - started

    def _find_funds(self, view: View) -> None:
        wanted = {token for part in self.parts for token in part.tokens}
        unknown = wanted - self._funded

        if unknown:
            self._funds |= find_funds(view, sorted(unknown))
            self._funded |= unknown

    def _tokens(self) -> set[str]:
        return self._funded | (self.manifest.trusted or frozenset())

    def _paid(
        self, block: Block, following: Next, prices: Prices, conclusions: list[Conclusion]
    ) -> dict[Subject, Finding]:
        best: dict[Subject, Finding] = {}

        for conclusion in conclusions:
            self.unfunded += conclusion.stopped
            subject = conclusion.pair.subject

            if not conclusion.kept:
                continue

            worth = Worth(
                profit=token_worth(conclusion.choice.token, conclusion.profit, prices),
                gas=gas_worth(conclusion.gas, following.base_fee, self.manifest, prices),
                floor=floor_worth(self.manifest.floor, prices),
            )

            if worth.enough and (subject not in best or worth.net > best[subject].worth.net):
                best[subject] = Finding(block.number, conclusion, worth)

        return best


def open_judge(rpc: Rpc, manifest: Manifest, first: int) -> Judge:
    """Read the deployments before the first block to judge, and every account and pool up to it."""
    block = fetch_block(rpc, first)
    view = View(rpc, block, Next(first + 1, block.timestamp + 1, block.base_fee))
    parts = tuple(open_part(view, deployment) for deployment in manifest.deployments)
    pools = Pools(manifest.venues)
    pools.learn(rpc, (0, first))

    for part in parts:
        part.learn(rpc, (0, first))

    return Judge(rpc, manifest, parts, pools, first, Scout(manifest.trusted))


def _loans(readings: Iterable[Reading]) -> dict[str, list[Loan]]:
    """Sort the flash loans of all deployments by token, the cheapest and then the largest first."""
    found: dict[str, list[Loan]] = {}

    for loan in sorted((loan for one in readings for loan in one.loans), key=lambda it: (it.fee_bps, -it.available)):
        found.setdefault(loan.token, []).append(loan)

    return found
