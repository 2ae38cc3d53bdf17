"""A better set of opportunities than the best first, where they take depth from each other.

One great sale can use up what two good ones would share. All orders of few opportunities are tried, but for those that
cannot win any more; of many, the best first is tried again without the ones it took, and within a budget.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from keeper.planning.appraise import appraise
from keeper.planning.base import Opportunity, Policy
from keeper.planning.board import Board
from keeper.planning.inputs import PlanningInput, Subject
from keeper.types import Declined

EXACT: Final = 8
"""Up to so many opportunities every order is looked at."""


class Chosen(NamedTuple):
    """An opportunity as it is on the board that those chosen before it leave."""

    subject: Subject
    opportunity: Opportunity
    policy: Policy
    board: Board


def better_than(chosen: list[Chosen], subjects: Sequence[Subject], board: Board, inputs: PlanningInput) -> list[Chosen]:
    """The best sequence found within the budget, the given one itself if none is better."""
    search = _Search(inputs, inputs.search_budget, chosen, sum(one.opportunity.net_usd for one in chosen))
    if len(subjects) <= EXACT:
        search.extend([], 0, tuple(subjects), board)
    else:
        search.without_each(chosen, subjects, board)

    return search.best


@dataclass(slots=True)
class _Search:
    """A search among sequences. Invariant: `best` is the most profitable complete one seen, worth `worth_usd`."""

    inputs: PlanningInput
    budget: int
    best: list[Chosen]
    worth_usd: int
    _seen: set[Hashable] = field(default_factory=set)

    def extend(self, path: list[Chosen], worth_usd: int, left: tuple[Subject, ...], board: Board) -> None:
        """Try every opportunity next, the best first, and every one after it.

        What is chosen takes depth from the rest, so that what they would earn now bounds what they will.
        """
        if worth_usd > self.worth_usd:
            self.best, self.worth_usd = path, worth_usd

        if self.budget <= 0 or self._was_here(path):
            return

        options = self._options(path, left, board)
        most_usd = worth_usd + sum(one.opportunity.net_usd for one in options)
        if most_usd <= self.worth_usd and not _may_help_each_other(options):
            return

        rest = tuple(one.subject for one in options)
        for one in options:
            others = tuple(subject for subject in rest if subject != one.subject)
            net_usd = one.opportunity.net_usd
            self.extend([*path, one], worth_usd + net_usd, others, board.after(one.opportunity))

    def without_each(self, chosen: Sequence[Chosen], subjects: Sequence[Subject], board: Board) -> None:
        """Take the best first again, each time without one that was taken: others may share what it used up."""
        for banned in chosen:
            if self.budget <= 0:
                return

            self._best_first([subject for subject in subjects if subject != banned.subject], board)

    def _best_first(self, subjects: list[Subject], board: Board) -> None:
        path: list[Chosen] = []
        worth_usd = 0
        left = tuple(subjects)
        while self.budget > 0:
            options = self._options(path, left, board)
            if not options or worth_usd + sum(one.opportunity.net_usd for one in options) <= self.worth_usd:
                break

            one = options[0]
            path = [*path, one]
            worth_usd += one.opportunity.net_usd
            board = board.after(one.opportunity)
            left = tuple(each.subject for each in options[1:])

        if worth_usd > self.worth_usd:
            self.best, self.worth_usd = path, worth_usd

    def _options(self, path: Sequence[Chosen], left: Sequence[Subject], board: Board) -> list[Chosen]:
        """What each of the rest is worth now, the greatest first; those worth nothing are out for good."""
        found: list[Chosen] = []
        self.budget -= len(left)
        for subject in left:
            verdict = appraise(subject, board.offers(*subject), board, self.inputs)
            if isinstance(verdict, Declined):
                continue

            opportunity, policy = verdict
            if sum(one.policy.name == policy.name for one in path) < policy.max_plans_per_block:
                found.append(Chosen(subject, opportunity, policy, board))

        return sorted(found, key=lambda one: -one.opportunity.net_usd)

    def _was_here(self, path: Sequence[Chosen]) -> bool:
        """Whether the same was taken in another order: the same pools are left, but for roundings."""
        here = frozenset((one.subject, one.opportunity.size, one.opportunity.route.amounts) for one in path)
        if here in self._seen:
            return True

        self._seen.add(here)
        return False


def _may_help_each_other(options: Sequence[Chosen]) -> bool:
    """Whether two of them trade on a pool in opposite directions, so that one makes the other's price better."""
    sold = {(hop.pool.address, hop.token_in) for one in options for hop in one.opportunity.route.hops}
    return len({pool for pool, _ in sold}) < len(sold)
