"""What losing teaches: after a plan of ours lost, whoever won is looked for, and their bid is remembered."""

from typing import Final, Protocol

import structlog

from keeper.errors import ChainError, StateError
from keeper.execution.auction import Experience
from keeper.execution.base import Outcome, Status
from keeper.journal.records import PlanRecord
from keeper.journal.store import Journal
from keeper.journal.winners import Winner
from keeper.units import BPS

LOST: Final = frozenset({Status.REVERTED, Status.MISSED, Status.EXPIRED})

log = structlog.get_logger(__name__)


class RivalFinder(Protocol):
    """Whoever can read another's liquidation out of a block."""

    async def find(self, plan: PlanRecord, block_number: int) -> Winner | None:
        """Find who took the plan's position in a block; None where nobody did. `ChainError`, `StateError` as usual."""
        ...


class Learning:
    """Remembers winners by deployment, in the journal."""

    def __init__(self, journal: Journal, finder: RivalFinder) -> None:
        self._journal = journal
        self._finder = finder

    def of(self, deployment: str) -> Experience:
        """Return what is known of a deployment's auctions."""
        return self._journal.winners.experience(deployment)

    async def hear(self, outcome: Outcome) -> None:
        """Learn from an outcome: where we lost, look from the block aimed for to the one it ended in."""
        if outcome.status not in LOST or not outcome.plan_id:
            return

        plan = self._journal.plan(outcome.plan_id)
        try:
            for number in range(plan.target.number, min(outcome.block_number, plan.max_block) + 1):
                winner = await self._finder.find(plan, number)
                if winner is not None:
                    self._journal.record_winner(winner)
                    log.info(
                        "rival_won", plan=plan.id, block=number, tip_wei=winner.tip_wei, share_bps=winner.share_bps
                    )
                    return
        except (ChainError, StateError) as error:
            # Nothing depends on it: the next auction teaches as much.
            log.info("rival_not_found", plan=plan.id, error=error.message)


def share_of_room(tip_wei: int, plan: PlanRecord, base_fee_wei: int) -> int:
    """Express a tip per gas in bps of what the plan could have offered, rounded down; more than all is 10,001."""
    room = plan.ceiling_wei - base_fee_wei
    return min(tip_wei * BPS // room, BPS + 1) if room > 0 else BPS + 1
