"""What was sent and may still land: its positions are not planned again, and whatever is planned goes behind it."""

from collections.abc import Sequence
from typing import NamedTuple

from keeper.execution.limits import Subject
from keeper.execution.track import is_too_late
from keeper.journal.records import PlanRecord, TxKind, TxRecord, TxState
from keeper.journal.store import Journal
from keeper.planning.base import Plan
from keeper.types import Address, BlockHead, Call


class Leading(NamedTuple):
    """A plan that goes before any new one, its transaction, and every plan in it: its items, or itself."""

    plan: PlanRecord
    call: Call
    parts: tuple[PlanRecord, ...]


class Waiting:
    """Plans in flight, as the journal has them; in a dry run those it would have sent, so that it plans alike."""

    def __init__(self, journal: Journal, senders: Sequence[Address] | None) -> None:
        """`senders` are the keys of a live run, None in a dry one."""
        self._journal = journal
        self._senders = senders
        self._plans: dict[str, PlanRecord] = {}
        self._rehearsed: dict[str, tuple[Plan, Call]] = {}

    def rehearse(self, plan: Plan, call: Call) -> None:
        """Take note of what a dry run would have sent."""
        self._rehearsed[plan.id] = (plan, call)

    def subjects(self, head: BlockHead) -> frozenset[Subject]:
        """Positions with a transaction that may still succeed after this head."""
        plans = [self._record(plan_id) for plan_id in (*self._rehearsal(head), *self._sent(head))]
        return frozenset((part.deployment, part.position) for plan in plans for part in self._parts(plan))

    def ahead(self, head: BlockHead) -> list[Leading]:
        """Plans that are to land before any new one, key by key in the order of their nonces.

        Not what is being cancelled: it may land, but is not to. Of a plan offered again only the last offer.
        """
        rehearsed = [self._led(self._record(plan_id), call) for plan_id, call in self._rehearsal(head).items()]
        return [*rehearsed, *(self._of(plan_id, record) for plan_id, record in self._sent(head, wanted=True).items())]

    def fresh(self, head: BlockHead) -> list[Leading]:
        """Of those the ones that had one block to land in so far: what waits longer must hold up nobody."""
        return [leading for leading in self.ahead(head) if leading.plan.head_number + 1 >= head.number]

    def open(self) -> list[TxRecord]:
        """Every transaction that still needs watching."""
        return [record for sender in self._senders or () for record in self._journal.transactions.open(sender)]

    def _rehearsal(self, head: BlockHead) -> dict[str, Call]:
        self._rehearsed = {
            plan_id: (plan, call)
            for plan_id, (plan, call) in self._rehearsed.items()
            if head.number < plan.max_block and head.timestamp < plan.target.expires_at
        }
        return {plan_id: call for plan_id, (_, call) in self._rehearsed.items()}

    def _sent(self, head: BlockHead, *, wanted: bool = False) -> dict[str, TxRecord]:
        """The last transaction of each plan that may still succeed; `wanted` leaves out what is being cancelled."""
        return {
            record.tx.plan_id: record
            for record in self.open()
            if record.kind is TxKind.PLAN
            and record.state.may_land
            and record.tx.plan_id is not None
            and not is_too_late(record, head)
            and not (wanted and record.state is TxState.CANCELLED)
        }

    def _of(self, plan_id: str, record: TxRecord) -> Leading:
        plan = self._record(plan_id)
        return self._led(plan, Call(plan.executor, plan.data, sender=record.tx.sender, gas=record.tx.gas_limit))

    def _led(self, plan: PlanRecord, call: Call) -> Leading:
        return Leading(plan, call, self._parts(plan))

    def _parts(self, plan: PlanRecord) -> tuple[PlanRecord, ...]:
        return tuple(map(self._record, plan.items)) or (plan,)

    def _record(self, plan_id: str) -> PlanRecord:
        if plan_id not in self._plans:
            self._plans[plan_id] = self._journal.plan(plan_id)

        return self._plans[plan_id]
