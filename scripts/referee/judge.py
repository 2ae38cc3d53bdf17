"""Block after block: who could be liquidated, what the best trial earned, and whether that was worth it."""

import time
from dataclasses import dataclass, field

from referee.chain import Block, Next, View, fetch_block
from referee.fullrun import Conclusion, FullRuns
from referee.manifest import Manifest
from referee.market import Market, learn_block, learn_span, open_market
from referee.rpc import Rpc
from referee.scout import Scout
from referee.state import State, read_holders, read_state
from referee.worth import Worth, floor_worth, gas_worth, token_worth


@dataclass(frozen=True, slots=True)
class Finding:
    """The best that the referee did with one borrower at one block."""

    block: int
    conclusion: Conclusion
    worth: Worth


@dataclass(frozen=True, slots=True)
class Record:
    """One judged block: the health of everyone liquidatable (wads), and what paid, by borrower."""

    block: Block
    unsafe: dict[str, int]
    paid: dict[str, Finding]


@dataclass(slots=True)
class Judge:
    """Judges blocks in order; `records` holds one entry a block, of one branch of the chain."""

    rpc: Rpc
    manifest: Manifest
    market: Market
    first: int
    scout: Scout
    full_runs: FullRuns = field(default_factory=FullRuns)
    records: list[Record] = field(default_factory=list)
    pairs: set[object] = field(default_factory=set)
    unfunded: int = 0
    busy_s: float = 0.0

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
        learn_block(self.rpc, self.market, [venue.factory for venue in self.manifest.venues], block.number)
        view = View(self.rpc, block, following)
        state = read_state(view, self.market, self.manifest)
        holders = read_holders(view, self.market, state)
        conclusions = self.full_runs.run(view, self.market, self.scout.run(view, self.market, state, holders))
        self.pairs.update(pair for holder in holders for pair in holder.pairs())
        self.records.append(Record(block, dict(state.unsafe), self._paid(block, following, state, conclusions)))
        self.busy_s += time.monotonic() - started

    def _paid(self, block: Block, following: Next, state: State, conclusions: list[Conclusion]) -> dict[str, Finding]:
        best: dict[str, Finding] = {}

        for conclusion in conclusions:
            self.unfunded += conclusion.stopped
            borrower = conclusion.pair.borrower

            if not conclusion.kept:
                continue

            worth = Worth(
                profit=token_worth(conclusion.choice.token, conclusion.profit, self.market, state.prices),
                gas=gas_worth(conclusion.gas, following.base_fee, self.market, self.manifest, state.prices),
                floor=floor_worth(self.manifest.floor, self.market, state.prices),
            )

            if worth.enough and (borrower not in best or worth.net > best[borrower].worth.net):
                best[borrower] = Finding(block.number, conclusion, worth)

        return best


def open_judge(rpc: Rpc, manifest: Manifest, first: int) -> Judge:
    """Read the deployment before the first block to judge, and every borrower and pool up to it."""
    block = fetch_block(rpc, first)
    view = View(rpc, block, Next(first + 1, block.timestamp + 1, block.base_fee))
    market = open_market(view, manifest)
    learn_span(rpc, market, manifest, (0, first))
    return Judge(rpc, manifest, market, first, Scout(manifest.trusted))
