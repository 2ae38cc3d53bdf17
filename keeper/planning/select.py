"""Choosing among opportunities: which of them, in which order, each as it is after the ones before it.

Plans land in the order they are sent, so each is exact if those before it land. Taking the best again and again is
mostly the best there is; where opportunities take from each other, `contest.py` looks for a better set.
"""

from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Final

from keeper.planning.appraise import appraise
from keeper.planning.base import Opportunity, Plan, Policy
from keeper.planning.board import Board
from keeper.planning.contest import Chosen, better_than
from keeper.planning.inputs import PlanningInput, Subject
from keeper.planning.plan import build_plan
from keeper.planning.underway import Underway
from keeper.types import Declined, Reason, account_of, to_checksum

_CLOSE_BPS: Final = 9_900
"""Where the best first come to this share of what all would earn alone, nothing else can be worth the search."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A subject's best opportunity after `plans` plans were chosen; `alone_usd` is its net profit before any was.

    `place` is the subject's place in the input, which settles ties.
    """

    place: int
    subject: Subject
    opportunity: Opportunity
    policy: Policy
    plans: int
    alone_usd: int

    def __lt__(self, other: "Candidate") -> bool:
        """Order by net profit, the greatest first, then by place."""
        return (-self.opportunity.net_usd, self.place) < (-other.opportunity.net_usd, other.place)


def choose(
    candidates: list[Candidate], board: Board, inputs: PlanningInput
) -> tuple[list[Plan], dict[Subject, Declined]]:
    """Choose the best set found and the order to send it in; the rest with what they lost by."""
    chosen, left_out = best_first(candidates, board, inputs)
    alone_usd = sum(candidate.alone_usd for candidate in candidates)
    earned_usd = sum(one.opportunity.net_usd for one in chosen)
    if earned_usd * 10_000 < alone_usd * _CLOSE_BPS:
        better = better_than(chosen, [each.subject for each in candidates], board, inputs)
        if better is not chosen:
            chosen = better
            left_out = _lost(candidates, chosen, left_out)

    return [_built(one, inputs) for one in chosen], left_out


def best_first(
    candidates: list[Candidate], board: Board, inputs: PlanningInput
) -> tuple[list[Chosen], dict[Subject, Declined]]:
    """Take the best again and again, as it is after those taken before; the rest with what they lost by.

    A candidate appraised before the last choice is appraised anew when its turn comes: others mostly take from it
    what pools can pay, so its old value says when it may come, not what it is.
    """
    chosen: list[Chosen] = []
    left_out: dict[Subject, Declined] = {}
    waiting = list(candidates)
    heapify(waiting)
    while waiting:
        candidate = heappop(waiting)
        subject, policy = candidate.subject, candidate.policy
        if sum(one.policy.name == policy.name for one in chosen) >= policy.max_plans_per_block:
            left_out[subject] = _conflict(candidate, {"max_plans_per_block": policy.max_plans_per_block})
        elif candidate.plans < len(chosen):
            again = appraise(subject, board.offers(*subject), board, inputs)
            if isinstance(again, Declined):
                numbers = {**again.numbers, "now": again.reason.value, **_rival(candidate, chosen)}
                left_out[subject] = _conflict(candidate, numbers)
            else:
                heappush(waiting, Candidate(candidate.place, subject, *again, len(chosen), candidate.alone_usd))
        else:
            chosen.append(Chosen(subject, candidate.opportunity, policy, board))
            board = board.after(candidate.opportunity)

    return chosen, left_out


def _built(one: Chosen, inputs: PlanningInput) -> Plan:
    deployment = one.opportunity.offer.deployment
    adapter, market = one.board.views[deployment].adapter, one.board.markets[deployment]
    return build_plan(one.opportunity, one.policy, adapter, market, inputs)


def _lost(
    candidates: list[Candidate], chosen: list[Chosen], before: dict[Subject, Declined]
) -> dict[Subject, Declined]:
    """Why the others are left out of a set that is no best-first one."""
    taken = {one.subject for one in chosen}
    return {
        candidate.subject: before.get(candidate.subject)
        or _conflict(candidate, {"why": "others earn more together without it", **_rival(candidate, chosen)})
        for candidate in candidates
        if candidate.subject not in taken
    }


def _rival(candidate: Candidate, chosen: list[Chosen]) -> dict[str, int | str]:
    """Name whose plan takes what this one would have used: the first on one of its pools, else of its tokens."""
    own = Underway.of(candidate.opportunity)
    others = [(Underway.of(one.opportunity), one.subject) for one in chosen]
    on_pools = [subject for other, subject in others if not own.pools.isdisjoint(other.pools)]
    touching = [subject for other, subject in others if not own.touched.isdisjoint(other.touched)]
    for deployment, key in (*on_pools, *touching):
        return {"rival": deployment if key is None else to_checksum(account_of(key))}

    return {}


def _conflict(candidate: Candidate, numbers: dict[str, int | str]) -> Declined:
    return Declined(*candidate.subject, Reason.CONFLICT, {**numbers, "net_usd_alone": candidate.alone_usd})
