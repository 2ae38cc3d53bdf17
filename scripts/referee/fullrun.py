"""The best size of each pair as one whole transaction: borrow, liquidate, sell, repay; profit by Transfer logs alone.

Nothing of the chain's state is replaced but the code of the account that acts, and for whom it may act. A full run is
carried over only while the choices it was made from are the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from referee import probe
from referee.chain import View, flows
from referee.probe import LOANS, Loan, Pair
from referee.scout import Choice, Scouted

# Sizes run before a pair is given up: the best may ask for more than the flash loan can lend.
SIZES_RUN = 4
# One part in so many is borrowed beyond a debt that was read some blocks ago.
LOAN_PADDING = 100_000
# A flash loan's fee is rounded up, down or to the nearest unit, depending on the lender's release.
FEE_ROUNDING = 1


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A pair run in full: profit in base units of the choice's token by Transfer logs, gas of the whole transaction."""

    pair: Pair
    choice: Choice
    kept: bool
    profit: int
    gas: int

    @property
    def stopped(self) -> bool:
        """Tell whether the chain refused what the scout found to pay."""
        return not self.kept and self.choice.net > 0


@dataclass(slots=True)
class FullRuns:
    """Runs pairs block after block; `doubts` names every run whose logs did not say what the scout had found."""

    made: int = 0
    carried: int = 0
    doubts: list[str] = field(default_factory=list)
    _concluded: dict[Pair, tuple[Scouted, Conclusion]] = field(default_factory=dict)

    def run(self, view: View, scouted: Sequence[Scouted]) -> list[Conclusion]:
        """Return one conclusion a pair: of the best size that the chain lets through, or of the last one tried."""
        concluded: dict[Pair, tuple[Scouted, Conclusion]] = {}
        waiting: list[Scouted] = []

        for item in scouted:
            known = self._concluded.get(item.pair)

            if known and known[0] == item:
                concluded[item.pair] = known
                self.carried += 1
            else:
                waiting.append(item)

        for rank in range(SIZES_RUN):
            turn = [item for item in waiting if rank < len(item.choices)]
            waiting = []

            for item, conclusion in zip(turn, self._run(view, turn, rank), strict=True):
                concluded[item.pair] = (item, conclusion)

                # A smaller size is worth a try only where this one was stopped although it would have paid.
                if conclusion.stopped:
                    waiting.append(item)

        self._concluded = concluded
        return [conclusion for _, conclusion in concluded.values()]

    def _run(self, view: View, turn: Sequence[Scouted], rank: int) -> list[Conclusion]:
        calls = [_call(item, item.choices[rank], fresh=item.block == view.block.number) for item in turn]
        self.made += len(calls)
        conclusions = []

        for item, simulated in zip(turn, view.simulate(calls), strict=True):
            choice = item.choices[rank]
            profit = flows(simulated.logs, probe.ADDRESS).get(choice.token, 0) if simulated.kept else 0
            conclusions.append(Conclusion(item.pair, choice, simulated.kept, profit, simulated.gas))

            # A padded loan costs a little more, and a sale homeward meets the pools its own first sale has moved.
            fresh = item.block == view.block.number and not choice.home

            if simulated.kept and fresh and abs(profit - choice.net) > FEE_ROUNDING:
                self.doubts.append(f"block {item.block}, {item.pair}: scouted {choice.net}, by Transfer logs {profit}")

        return conclusions


def _call(item: Scouted, choice: Choice, *, fresh: bool) -> bytes:
    repaid = choice.tried.repaid
    amount = repaid if fresh else repaid + repaid // LOAN_PADDING + 1
    # A loan of nothing from nobody is refused, which is what stands for a pair that cannot be funded.
    loan = choice.loan or Loan(len(LOANS), probe.NOBODY, item.pair.debt, 0, 0)
    return probe.encode_conclude(loan, amount, (item.pair, choice.trial), choice.hops, choice.home)
