"""The plans table: everything expected of a plan, written once before anything is signed, and how each plan stands."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from keeper.errors import JournalError
from keeper.execution.base import Status
from keeper.execution.bidding import Bid
from keeper.journal.database import Connection, Database, SqlRow, insert
from keeper.journal.records import PlanRecord
from keeper.journal.text import from_hex, hex_text, to_json
from keeper.planning.base import Opportunity, Plan
from keeper.planning.underway import Underway
from keeper.types import (
    Address,
    BlockHead,
    BlockTarget,
    Payment,
    PositionKey,
    Settlement,
    TokenAmount,
    parse_address,
    to_checksum,
)


@dataclass(frozen=True, slots=True)
class PricedPlan:
    """A plan and what is bid for it, made on this head."""

    plan: Plan
    bid: Bid
    head: BlockHead


class PlanLedger:
    """Invariant: a plan's row never changes after it was written; how it went is added beside it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, run: int, plans: Sequence[PricedPlan]) -> None:
        """Write what is expected of these plans, all or none.

        The very same plan made again, by a restart or after a reorg to the same head, keeps its first row and stands
        open again; `JournalError` where anything expected of it differs.
        """
        with self._database.write() as connection:
            for priced in plans:
                _record(connection, _row(run, priced))

    def record_items(self, run: int, priced: PricedPlan) -> None:
        """Write what is expected of each item of a batch that was written; nothing for any other plan."""
        with self._database.write() as connection:
            for item in items_of(priced.plan):
                _record(connection, _row(run, replace(priced, plan=item)))
                connection.execute(
                    "INSERT INTO batch_items (batch_id, item_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
                    (priced.plan.id, item.id),
                )

    def record_verdict(
        self,
        plan_id: str,
        status: Status,
        block_number: int,
        reason: str | None = None,
        numbers: Mapping[str, int | str] | None = None,
    ) -> None:
        """Add how a plan ended without a mined transaction; a later verdict counts over an earlier one."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO verdicts (plan_id, status, reason, block_number, numbers) VALUES (?, ?, ?, ?, ?)",
                (plan_id, status.value, reason, block_number, to_json(numbers or {})),
            )

    def abandon(self, run: int) -> None:
        """Close plans of earlier runs that ended between being written and being decided; nothing of theirs left."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT INTO verdicts (plan_id, status, reason, block_number, numbers) "
                "SELECT id, :expired, 'the keeper stopped before it was sent', head_number, '{}' FROM plans "
                "WHERE run < :run AND NOT EXISTS (SELECT 1 FROM transactions WHERE plan_id = plans.id) "
                "AND coalesce((SELECT status FROM verdicts WHERE plan_id = plans.id ORDER BY id DESC LIMIT 1), "
                ":planned) = :planned",
                {"expired": Status.EXPIRED.value, "planned": Status.PLANNED.value, "run": run},
            )

    def get(self, plan_id: str) -> PlanRecord:
        """Read one plan back; `JournalError` if it was never written."""
        rows = self._database.read("SELECT * FROM plans WHERE id = ?", (plan_id,))
        if not rows:
            raise JournalError(f"the journal has no plan {plan_id}", plan=plan_id)

        return _read(rows[0])

    def earlier_missed(self, plan_id: str, block_hash: bytes) -> bool:
        """Tell whether a plan made before this one, for the same block, did not land in the block given."""
        rows = self._database.read(
            "SELECT 1 FROM plans AS this JOIN plans AS earlier ON earlier.head_hash = this.head_hash "
            "AND earlier.seq < this.seq WHERE this.id = ? AND earlier.id NOT IN (SELECT item_id FROM batch_items) "
            "AND NOT EXISTS (SELECT 1 FROM outcomes "
            "WHERE outcomes.plan_id = earlier.id AND canonical = 1 AND status = 'landed' AND block_hash = ?) LIMIT 1",
            (plan_id, hex_text(block_hash)),
        )
        return bool(rows)


def items_of(plan: Plan) -> tuple[Plan, ...]:
    """The items of a batch as they are written: one that goes alone all the same is another plan, with its own bid."""
    return tuple(replace(item, id=f"{plan.id}.{place}") for place, item in enumerate(plan.items))


def _record(connection: Connection, row: Mapping[str, object]) -> None:
    if not _is_known(connection, row):
        insert(connection, "plans", row)


def _is_known(connection: Connection, row: Mapping[str, object]) -> bool:
    """Tell whether this very plan is written already, and if so take back how it ended: it goes on."""
    known = connection.execute("SELECT * FROM plans WHERE id = ?", (row["id"],)).fetchone()
    if known is None:
        return False

    changed = [column for column, value in row.items() if column != "run" and known[column] != value]
    if changed:
        raise JournalError(
            f"plan {row['id']} is written already, with another {', '.join(changed)}: a plan is written once",
            plan=row["id"],
            changed=tuple(changed),
        )

    connection.execute(
        "INSERT INTO verdicts (plan_id, status, reason, block_number, numbers) "
        "SELECT ?, ?, 'made again on the same head', ?, '{}' WHERE EXISTS (SELECT 1 FROM verdicts WHERE plan_id = ?)",
        (row["id"], Status.PLANNED.value, row["head_number"], row["id"]),
    )
    return True


def _row(run: int, priced: PricedPlan) -> dict[str, object]:
    plan, bid, head = priced.plan, priced.bid, priced.head
    opportunity, target = plan.opportunity, plan.target
    offer, settlement = opportunity.offer, opportunity.settlement
    return {
        "id": plan.id,
        "run": run,
        "strategy": opportunity.strategy,
        "deployment": offer.deployment,
        "kind": offer.kind.value,
        "position": None if offer.key is None else hex_text(offer.key),
        "debt_token": to_checksum(offer.pay_token),
        "collateral_token": to_checksum(offer.receive_token),
        "size_token": to_checksum(offer.size_token),
        "size": str(opportunity.size),
        "repaid": str(sum(payment.amount for payment in settlement.pays if payment.token == offer.pay_token)),
        "seized": str(sum(part.amount for part in settlement.receives if part.token == offer.receive_token)),
        "profit_token": to_checksum(opportunity.profit.token),
        "profit": str(opportunity.profit.amount),
        "min_profit": str(plan.min_profit),
        "profit_usd": str(opportunity.profit_usd),
        "net_usd": str(opportunity.net_usd),
        "gas": opportunity.gas,
        "gas_limit": plan.gas_limit,
        "gas_cost_wei": str(opportunity.gas_cost_wei),
        "max_fee_wei": str(bid.fees.max_fee_wei),
        "tip_wei": str(bid.fees.tip_wei),
        "ceiling_wei": str(bid.ceiling_wei),
        "target_number": target.number,
        "target_timestamp": target.timestamp,
        "target_base_fee_wei": str(target.base_fee_wei),
        "expires_at": target.expires_at,
        "max_block": plan.max_block,
        "head_number": head.number,
        "head_hash": hex_text(head.hash),
        "executor": to_checksum(plan.executor),
        "calldata": plan.data,
        "details": to_json(_details(opportunity) | {"items": [item.id for item in items_of(plan)]}),
    }


def _details(opportunity: Opportunity) -> dict[str, object]:
    route = opportunity.route
    return {
        "pays": opportunity.settlement.pays,
        "receives": opportunity.settlement.receives,
        "sizes": opportunity.offer.sizes,
        "steps": [step.size for step in opportunity.calls],
        "takings": Underway.of(opportunity).takings,
        "prelude": opportunity.calls[0].offer.prelude,
        "offer": opportunity.offer.detail,
        "funding": opportunity.funding,
        "route": {
            "amounts": route.amounts,
            "hops": [
                {"kind": hop.pool.kind, "pool": hop.pool.address, "in": hop.token_in, "out": hop.token_out}
                for hop in route.hops
            ],
        },
    }


def _read(row: SqlRow) -> PlanRecord:
    details: dict[str, Any] = json.loads(row["details"])
    return PlanRecord(
        id=row["id"],
        strategy=row["strategy"],
        deployment=row["deployment"],
        kind=row["kind"],
        position=None if row["position"] is None else PositionKey(from_hex(row["position"])),
        debt_token=parse_address(row["debt_token"]),
        collateral_token=parse_address(row["collateral_token"]),
        size_token=parse_address(row["size_token"]),
        size=int(row["size"]),
        expected=Settlement(
            pays=tuple(
                Payment(
                    token=Address(from_hex(paid["token"])),
                    amount=int(paid["amount"]),
                    at_most=int(paid["at_most"]),
                    spender=Address(from_hex(paid["spender"])),
                )
                for paid in details["pays"]
            ),
            receives=tuple(
                TokenAmount(Address(from_hex(got["token"])), int(got["amount"])) for got in details["receives"]
            ),
        ),
        profit=TokenAmount(parse_address(row["profit_token"]), int(row["profit"])),
        min_profit=int(row["min_profit"]),
        target=BlockTarget(
            number=row["target_number"],
            timestamp=row["target_timestamp"],
            base_fee_wei=int(row["target_base_fee_wei"]),
            expires_at=row["expires_at"],
        ),
        max_block=row["max_block"],
        head_number=row["head_number"],
        head_hash=from_hex(row["head_hash"]),
        ceiling_wei=int(row["ceiling_wei"]),
        executor=parse_address(row["executor"]),
        data=bytes(row["calldata"]),
        details=details,
    )
