"""The plans of one block: the best first, each on what the ones before it leave, no position twice.

Plans land in the order they are sent, so each is exact if those before it land. Everything looked at and left out
gets its reason.
"""

from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from keeper.planning.appraise import appraise
from keeper.planning.base import Opportunity, Plan, Policy
from keeper.planning.board import Board
from keeper.planning.inputs import PlanningInput, PlanningResult, Subject
from keeper.planning.plan import build_plan
from keeper.types import Declined, Offer, Reason


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A subject's best opportunity after `plans` plans were chosen; `alone_usd` is its net profit before any was."""

    place: int
    subject: Subject
    opportunity: Opportunity
    policy: Policy
    plans: int
    alone_usd: int

    def __lt__(self, other: "_Candidate") -> bool:
        """Greater net profit comes first, then the earlier place in the input."""
        return (-self.opportunity.net_usd, self.place) < (-other.opportunity.net_usd, other.place)


def plan_block(inputs: PlanningInput) -> PlanningResult:
    """Plan a block: the same input gives the same result, bit for bit."""
    board = Board.of(inputs)
    offers = _by_subject(inputs)
    answers: dict[Subject, Plan | Declined] = {}
    candidates: list[_Candidate] = []
    for place, (subject, found) in enumerate(offers.items()):
        if subject in inputs.busy:
            answers[subject] = Declined(*subject, Reason.IN_FLIGHT, {})
            continue

        verdict = appraise(subject, found, board, inputs)
        if isinstance(verdict, Declined):
            answers[subject] = verdict
        else:
            opportunity, policy = verdict
            candidates.append(_Candidate(place, subject, opportunity, policy, 0, opportunity.net_usd))

    plans = _choose(candidates, board, inputs, answers)
    declined = tuple(answer for subject in offers if isinstance(answer := answers[subject], Declined))
    return PlanningResult(tuple(plans), declined)


def _choose(
    candidates: list[_Candidate], board: Board, inputs: PlanningInput, answers: dict[Subject, Plan | Declined]
) -> list[Plan]:
    """Take the best again and again, as it is after those taken before; the others get their reason in `answers`.

    A candidate appraised before the last choice is appraised anew when its turn comes: others mostly take from it
    what pools can pay, so its old value is where it may come, not what it is.
    """
    plans: list[Plan] = []
    heapify(candidates)
    while candidates:
        candidate = heappop(candidates)
        subject, policy = candidate.subject, candidate.policy
        if sum(plan.opportunity.strategy == policy.name for plan in plans) >= policy.max_plans_per_block:
            answers[subject] = _conflict(candidate, {"max_plans_per_block": policy.max_plans_per_block})
        elif candidate.plans < len(plans):
            again = appraise(subject, board.offers(*subject), board, inputs)
            if isinstance(again, Declined):
                answers[subject] = _conflict(candidate, {**again.numbers, "now": again.reason.value})
            else:
                heappush(candidates, _Candidate(candidate.place, subject, *again, len(plans), candidate.alone_usd))
        else:
            deployment = candidate.opportunity.offer.deployment
            adapter, market = board.views[deployment].adapter, board.markets[deployment]
            plan = build_plan(candidate.opportunity, policy, adapter, market, inputs)
            answers[subject] = plan
            plans.append(plan)
            board = board.after(candidate.opportunity)

    return plans


def _conflict(candidate: _Candidate, numbers: dict[str, int | str]) -> Declined:
    return Declined(*candidate.subject, Reason.CONFLICT, {**numbers, "net_usd_alone": candidate.alone_usd})


def _by_subject(inputs: PlanningInput) -> dict[Subject, list[Offer]]:
    """Offers by what they are about, in the order of the input."""
    offers: dict[Subject, list[Offer]] = {}
    for view in inputs.views:
        for offer in view.offers:
            offers.setdefault((view.adapter.name, offer.key), []).append(offer)

    return offers
