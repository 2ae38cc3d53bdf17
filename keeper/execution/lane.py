"""Lanes: one key each, with its nonces, its money and what it has in flight; and which plan rides on which.

What depends on one another rides on one key, in order: nonces keep it. What does not is spread, so that a transaction
that is stuck, or a key that had to be disarmed, holds up nothing else.
"""

from collections.abc import Mapping, Sequence

import structlog

from keeper.errors import ChainError
from keeper.execution.account import OperatorAccount
from keeper.execution.base import Outcome
from keeper.execution.outbox import Outbox
from keeper.execution.track import Tracker
from keeper.execution.waiting import Leading
from keeper.planning.base import Plan
from keeper.planning.underway import Underway
from keeper.types import Address, BlockHead, to_checksum

log = structlog.get_logger(__name__)


class Lane:
    """One key at work.

    Invariant: `disarmed` is None only after `arm`, and never again once the key was found to be used elsewhere or
    delegated: a restart, by somebody who looked into it, arms again. A signer that is away disarms until it is back.
    """

    def __init__(self, account: OperatorAccount, outbox: Outbox, tracker: Tracker, *, watch_heads: int = 0) -> None:
        """`watch_heads` is for how many heads to look for somebody else with the key before signing for plans."""
        self.account = account
        self.outbox = outbox
        self.tracker = tracker
        self._reason: str | None = "not armed yet"
        self._watch_heads = watch_heads

    @property
    def sender(self) -> Address:
        """Whose transactions these are."""
        return self.outbox.sender

    @property
    def disarmed(self) -> str | None:
        """Why nothing is signed with the key at present, None while it is."""
        return self.outbox.silent if self._reason is None else self._reason

    async def arm(self, *, adopt: bool = False) -> None:
        """Take up what the last run left in flight; `SigningKeyError` for a delegated key, or one the journal misses.

        `adopt` starts the books of a key that was used before this journal was there.
        """
        await self.account.refuse_delegation()
        self.outbox.start(await self.account.nonce(), adopt=adopt)
        self.outbox.refuse_strangers(await self.account.nonce(pending=True))
        await self.outbox.ask_signer()
        self._watched()

    async def follow(self, head: BlockHead) -> list[Outcome]:
        """Follow what is in flight; what was booked. A node that cannot answer delays it, no more."""
        try:
            outcomes = await self.tracker.on_head(head)
            await self.account.check(head)
        except ChainError as error:
            log.warning("tracking_delayed", block=head.number, operator=to_checksum(self.sender), error=error.message)
            return []

        foreign = self.tracker.foreign or self.account.delegated
        if foreign is not None:
            self.disarm(foreign)
        elif self._watch_heads:
            self._watch_heads -= 1
            self._watched()

        return outcomes

    def _watched(self) -> None:
        """Arm when nobody else was seen for long enough."""
        if self._watch_heads:
            self._reason = f"watching for somebody else with the key, {self._watch_heads} more blocks"
            return

        self._reason = None
        log.info(
            "lane_armed",
            operator=to_checksum(self.sender),
            nonce=self.outbox.ledger.mined,
            in_flight=len(self.outbox.ledger.in_flight),
        )

    def disarm(self, why: str) -> None:
        """Sign for no more plans with this key until a restart; the first reason stays."""
        if self._reason is not None and not self._watch_heads:
            return

        self._watch_heads = 0
        self._reason = why
        log.error(
            "lane_disarmed",
            operator=to_checksum(self.sender),
            why=why,
            advice="find out who else uses the key, then start again",
        )


class Seating:
    """Finds the lane for each plan of one pass. Invariant: no lane is given more than it can pay for at the worst."""

    def __init__(self, free_wei: Mapping[Lane, int], plans: Sequence[Plan], ahead: Sequence[Leading]) -> None:
        """`free_wei` is what each armed lane has left, in the operator's order; `ahead` what is about to land."""
        self._free_wei = dict(free_wei)
        self._queued = {lane: _waiting(lane) for lane in free_wei}
        self._touched = {plan.id: _touched(plan) for plan in plans}
        self._group = _groups(self._touched)
        self._lane = self._behind(ahead)

    @property
    def most_free_wei(self) -> int:
        """What the richest lane has left."""
        return max(self._free_wei.values())

    def take(self, plan: Plan, cost_wei: int) -> Lane | None:
        """Seat a plan: with those it depends on, else where least is waiting; None where that lane cannot pay."""
        group = self._group[plan.id]
        lane = self._lane.get(group)
        if lane is None:
            able = [lane for lane, free in self._free_wei.items() if free >= cost_wei]
            lane = min(able, key=lambda lane: self._queued[lane], default=None)

        if lane is None or self._free_wei[lane] < cost_wei:
            return None

        self._lane[group] = lane
        self._free_wei[lane] -= cost_wei
        self._queued[lane] += 1
        return lane

    def _behind(self, ahead: Sequence[Leading]) -> dict[int, Lane]:
        """The lane of each group that touches what is under way there: it must not land before that."""
        lanes: dict[int, Lane] = {}
        for lane in self._free_wei:
            own = [plan for leading in ahead if leading.call.sender == lane.sender for plan in leading.parts]
            moving = frozenset[object]().union(*(plan.underway.touched for plan in own))
            for plan_id, touched in self._touched.items():
                if not moving.isdisjoint(touched):
                    lanes.setdefault(self._group[plan_id], lane)

        return lanes


def _waiting(lane: Lane) -> int:
    """Count nonces that no block has used yet."""
    return sum(nonce >= lane.outbox.ledger.mined for nonce in lane.outbox.ledger.in_flight)


def _touched(plan: Plan) -> frozenset[object]:
    return frozenset[object]().union(*(Underway.of(part.opportunity).touched for part in plan.parts))


def _groups(touched: Mapping[str, frozenset[object]]) -> dict[str, int]:
    """Number plans so that two that touch the same thing, directly or through others, have the same number."""
    group = {plan_id: place for place, plan_id in enumerate(touched)}
    first_at: dict[object, str] = {}
    for plan_id, things in touched.items():
        for thing in things:
            other = first_at.setdefault(thing, plan_id)
            low, high = sorted((group[other], group[plan_id]))
            group = {name: low if number == high else number for name, number in group.items()}

    return group
