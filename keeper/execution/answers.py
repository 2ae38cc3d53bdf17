"""The answers a desk gives about plans it was handed, and the error that ended its work on them."""

from keeper.execution.base import Outcome, Status
from keeper.journal.plans import PricedPlan
from keeper.planning.base import Plan
from keeper.types import Declined, Reason


def first_error(failed: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that ended a group, as if there had been no group."""
    first = failed.exceptions[0]
    return first_error(first) if isinstance(first, BaseExceptionGroup) else first


def outcome_of(priced: PricedPlan, status: Status, tx_hash: bytes, reason: str | None) -> Outcome:
    """Say how a plan stands before anything of it was mined."""
    return Outcome(
        plan_id=priced.plan.id,
        status=status,
        tx_hash=tx_hash,
        block_number=priced.head.number,
        block_hash=priced.head.hash,
        gas_used=0,
        gas_price_wei=0,
        realised=None,
        settled_profit=None,
        realised_profit=None,
        cause=None,
        reason=reason,
    )


def declined(plan: Plan, reason: Reason, **numbers: int | str) -> Declined:
    """Say no to a plan, with the numbers that decided."""
    offer = plan.opportunity.offer
    return Declined(offer.deployment, offer.key, reason, {"plan": plan.id, **numbers})
