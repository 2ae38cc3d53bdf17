"""Why a transaction moved something else than expected, named; pure.

Three settlements are compared: expected (journaled before signing), settled (the model on the state just before our
transaction) and realised (the receipt's logs). Settled and realised differ only by a defect of ours.
"""

from dataclasses import dataclass
from enum import StrEnum

from keeper.types import BlockTarget, Settlement, TokenAmount


class Cause(StrEnum):
    """The first of these that holds, in this order, is the one that is named."""

    MODEL_DIFFERS = "model_differs"
    """the model disagrees with the chain on the very state it met: a defect, never the market"""
    NOT_SETTLED = "not_settled"
    """the state just before our transaction could not be rebuilt, so nothing can be said"""
    OTHER_BLOCK = "landed_in_other_block"
    """it landed in another block than the one aimed for: interest, prices and pools moved on"""
    OTHER_TIMESTAMP = "block_timestamp_differs"
    """the block was the one aimed for, with another timestamp: interest accrued for longer or shorter"""
    OWN_PLAN_MISSING = "own_earlier_plan_missing"
    """a plan of ours that was to go before it in the same block did not"""
    TOUCHED_BEFORE = "touched_earlier_in_block"
    """somebody moved what it uses earlier in the same block"""
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class Result:
    """What was moved, and what of it reached the treasury in the profit token, before gas."""

    settlement: Settlement | None
    profit: TokenAmount | None


@dataclass(frozen=True, slots=True)
class Landing:
    """Where a transaction landed, and what happened in that block before it.

    `touched_before`: a log of a contract the plan uses stands earlier in the block, from a transaction not ours.
    `own_plan_missing`: a plan of ours for the same block, planned before this one, did not take effect before it.
    """

    block_number: int
    block_timestamp: int
    touched_before: bool
    own_plan_missing: bool


def name_cause(
    expected: Result, settled: Result, realised: Result, aimed: BlockTarget, landing: Landing
) -> Cause | None:
    """Name why expected and realised differ; None where they are equal to the wei."""
    if settled.settlement is not None and not _same(settled, realised):
        return Cause.MODEL_DIFFERS

    if _same(expected, realised):
        return None

    holds = (
        (Cause.NOT_SETTLED, settled.settlement is None),
        (Cause.OTHER_BLOCK, landing.block_number != aimed.number),
        (Cause.OTHER_TIMESTAMP, landing.block_timestamp != aimed.timestamp),
        (Cause.OWN_PLAN_MISSING, landing.own_plan_missing),
        (Cause.TOUCHED_BEFORE, landing.touched_before),
    )
    return next((cause for cause, is_so in holds if is_so), Cause.UNEXPLAINED)


def _same(a: Result, b: Result) -> bool:
    """Compare what moved; how much might have moved at most, and through whom, is not what happened."""
    return a.profit == b.profit and _moved(a.settlement) == _moved(b.settlement)


def _moved(settlement: Settlement | None) -> object:
    if settlement is None:
        return None

    return [(payment.token, payment.amount) for payment in settlement.pays], list(settlement.receives)
