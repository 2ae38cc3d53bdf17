"""The front door of planning: everything known about a block in, plans and reasons out."""

from collections.abc import Sequence

from keeper.planning.appraise import appraise
from keeper.planning.batch import batched
from keeper.planning.board import Board
from keeper.planning.inputs import PlanningInput, PlanningResult, Subject
from keeper.planning.select import Candidate, choose
from keeper.types import Declined, Offer, Reason


def plan_block(inputs: PlanningInput) -> PlanningResult:
    """Plan a block: the same input gives the same result, bit for bit."""
    board = Board.of(inputs)
    offers = _by_subject(inputs, board)
    declined: dict[Subject, Declined] = {}
    candidates: list[Candidate] = []
    for place, (subject, found) in enumerate(offers.items()):
        if subject in inputs.busy:
            declined[subject] = Declined(*subject, Reason.IN_FLIGHT, {})
            continue

        verdict = appraise(subject, found, board, inputs)
        if isinstance(verdict, Declined):
            declined[subject] = verdict
        else:
            opportunity, policy = verdict
            candidates.append(Candidate(place, subject, opportunity, policy, 0, opportunity.net_usd))

    plans, left_out = choose(candidates, board, inputs)
    declined |= left_out
    return PlanningResult(
        tuple(batched(plans, inputs)), tuple(declined[subject] for subject in offers if subject in declined)
    )


def _by_subject(inputs: PlanningInput, board: Board) -> dict[Subject, Sequence[Offer]]:
    """Offers by what they are about, in the order of the input; as they are behind the plans under way."""
    offers: dict[Subject, list[Offer]] = {}
    for view in inputs.views:
        for offer in view.offers:
            offers.setdefault((view.adapter.name, offer.key), []).append(offer)

    moved = {view.adapter.name for view in inputs.views if board.markets[view.adapter.name] is not view.market}
    return {subject: board.offers(*subject) if subject[0] in moved else found for subject, found in offers.items()}
