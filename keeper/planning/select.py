"""Choosing among opportunities: the best first, each on what the ones before it leave, no position twice.

Plans land in the order they are sent, so each is exact if those before it land.
"""

from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from keeper.planning.appraise import appraise
from keeper.planning.base import Opportunity, Plan, Policy
from keeper.planning.board import Board
from keeper.planning.inputs import PlanningInput, Subject
from keeper.planning.plan import build_plan
from keeper.types import Declined, Reason


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
    """Take the best again and again, as it is after those taken before; the rest with what they lost by.

    A candidate appraised before the last choice is appraised anew when its turn comes: others mostly take from it
    what pools can pay, so its old value says when it may come, not what it is.
    """
    plans: list[Plan] = []
    left_out: dict[Subject, Declined] = {}
    waiting = list(candidates)
    heapify(waiting)
    while waiting:
        candidate = heappop(waiting)
        subject, policy = candidate.subject, candidate.policy
        if sum(plan.opportunity.strategy == policy.name for plan in plans) >= policy.max_plans_per_block:
            left_out[subject] = _conflict(candidate, {"max_plans_per_block": policy.max_plans_per_block})
        elif candidate.plans < len(plans):
            again = appraise(subject, board.offers(*subject), board, inputs)
            if isinstance(again, Declined):
                left_out[subject] = _conflict(candidate, {**again.numbers, "now": again.reason.value})
            else:
                heappush(waiting, Candidate(candidate.place, subject, *again, len(plans), candidate.alone_usd))
        else:
            deployment = candidate.opportunity.offer.deployment
            adapter, market = board.views[deployment].adapter, board.markets[deployment]
            plans.append(build_plan(candidate.opportunity, policy, adapter, market, inputs))
            board = board.after(candidate.opportunity)

    return plans, left_out


def _conflict(candidate: Candidate, numbers: dict[str, int | str]) -> Declined:
    return Declined(*candidate.subject, Reason.CONFLICT, {**numbers, "net_usd_alone": candidate.alone_usd})
