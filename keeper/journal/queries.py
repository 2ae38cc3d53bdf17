"""Reading the journal for people and programs: one row per plan and per decline, in the report's own words."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from keeper.journal.database import Connection, SqlRow
from keeper.journal.place import Reader
from keeper.journal.records import TxState
from keeper.journal.text import from_hex, position_text
from keeper.types import PositionKey

REPORT_KEYS: Final = (
    "deployment",
    "adapter",
    "position",
    "kind",
    "debt_token",
    "collateral_token",
    "repaid",
    "seized",
    "expected_profit",
    "settled_profit",
    "realised_profit",
    "profit_token",
    "gas_used",
    "tx_hash",
    "block",
    "status",
    "reason",
)
"""Keys of a report row; amounts are decimal text in base units, `gas_used` and `block` numbers, None what is not."""

_AS_THEY_ARE: Final = (TxState.SIGNED.value, TxState.REFUSED.value)

# A batch is shown by its items, each with the transaction they share and what became of it there.
# The outcome that counts is the plan's own mined transaction; a mined cancel counts only when there is none.
# A verdict of 'planned' takes the ones before it back: the plan was made again.
_ALL_PLANS: Final = """
    SELECT plans.*, deployments.adapter,
        outcomes.tx_hash AS mined_hash, outcomes.block_number AS mined_block, outcomes.gas_used,
        COALESCE(item.status, outcomes.status) AS mined_status,
        CASE WHEN item.status IS NULL THEN outcomes.repaid ELSE item.repaid END AS realised_repaid,
        CASE WHEN item.status IS NULL THEN outcomes.seized ELSE item.seized END AS realised_seized,
        CASE WHEN item.status IS NULL THEN outcomes.settled_profit ELSE item.settled_profit END AS settled_profit,
        CASE WHEN item.status IS NULL THEN outcomes.realised_profit ELSE item.realised_profit END AS realised_profit,
        CASE WHEN item.status IS NULL THEN outcomes.cause ELSE item.cause END AS cause,
        CASE WHEN item.status IS NULL THEN outcomes.reason ELSE item.reason END AS mined_reason,
        verdicts.status AS verdict, verdicts.reason AS verdict_reason, verdicts.block_number AS verdict_block,
        transactions.hash AS sent_hash, transactions.status AS sent_status
    FROM plans
    JOIN deployments ON deployments.name = plans.deployment
    LEFT JOIN transactions ON transactions.seq = (
        SELECT max(seq) FROM transactions AS own WHERE own.kind = 'plan' AND own.plan_id IN (
            SELECT plans.id UNION SELECT batch_id FROM batch_items WHERE item_id = plans.id))
    LEFT JOIN outcomes ON outcomes.seq = (
        SELECT mined.seq FROM outcomes AS mined JOIN transactions AS of ON of.hash = mined.tx_hash
        WHERE mined.canonical = 1 AND mined.plan_id IN (
            SELECT plans.id UNION SELECT batch_id FROM batch_items WHERE item_id = plans.id)
        ORDER BY of.kind = 'plan' DESC, mined.seq DESC LIMIT 1)
    LEFT JOIN verdicts ON verdicts.id = (SELECT max(id) FROM verdicts AS last WHERE last.plan_id IN (
            SELECT plans.id UNION SELECT batch_id FROM batch_items WHERE item_id = plans.id))
        AND verdicts.status <> 'planned'
    LEFT JOIN item_outcomes AS item ON item.tx_hash = outcomes.tx_hash AND item.block_hash = outcomes.block_hash
        AND item.plan_id = plans.id
    WHERE plans.id NOT IN (SELECT batch_id FROM batch_items)
"""
_ALL_DECLINES: Final = """
    SELECT declines.*, deployments.adapter FROM declines
    LEFT JOIN deployments ON deployments.name = declines.deployment
"""
_PLANS: Final = f"{_ALL_PLANS} ORDER BY plans.seq"
_NEWEST_PLANS: Final = f"{_ALL_PLANS} ORDER BY plans.seq DESC LIMIT ?"
_DECLINES: Final = f"{_ALL_DECLINES} ORDER BY declines.id"
_NEWEST_DECLINES: Final = f"{_ALL_DECLINES} ORDER BY declines.id DESC LIMIT ?"


def report_rows(connection: Connection, *, with_numbers: bool = False) -> Iterator[dict[str, object]]:
    """Yield every plan as it stands, then every decline, oldest first, each with exactly `REPORT_KEYS`.

    `with_numbers` gives declines one key more, `numbers`: what decided, by name, as text.
    """
    for row in connection.execute(_PLANS):
        yield _plan_row(row)

    for row in connection.execute(_DECLINES):
        yield _decline_row(row) | ({"numbers": json.loads(row["numbers"])} if with_numbers else {})


def newest_plans(reader: Reader, count: int) -> tuple[dict[str, object], ...]:
    """Read the last plans as `report_rows` would give them, newest first."""
    return tuple(_plan_row(row) for row in reader.read(_NEWEST_PLANS, (count,)))


def newest_declines(reader: Reader, count: int) -> tuple[dict[str, object], ...]:
    """Read the declines that began last, newest first, with their numbers."""
    rows = reader.read(_NEWEST_DECLINES, (count,))
    return tuple({**_decline_row(row), "numbers": json.loads(row["numbers"])} for row in rows)


def gas_spent_wei(connection: Connection) -> int:
    """Add up what every mined transaction cost in gas, in wei, cancels included."""
    rows = connection.execute("SELECT gas_used, gas_price_wei FROM outcomes WHERE canonical = 1")
    return sum(row["gas_used"] * int(row["gas_price_wei"]) for row in rows)


def _plan_row(row: SqlRow) -> dict[str, object]:
    mined = row["mined_hash"] is not None
    landed = mined and row["realised_repaid"] is not None
    return {
        "deployment": row["deployment"],
        "adapter": row["adapter"],
        "position": _position(row["position"]),
        "kind": row["kind"],
        "debt_token": row["debt_token"],
        "collateral_token": row["collateral_token"],
        "repaid": row["realised_repaid"] if landed else row["repaid"],
        "seized": row["realised_seized"] if landed else row["seized"],
        "expected_profit": row["profit"],
        "settled_profit": row["settled_profit"],
        "realised_profit": row["realised_profit"],
        "profit_token": row["profit_token"],
        "gas_used": row["gas_used"],
        "tx_hash": row["mined_hash"] or row["sent_hash"],
        "block": row["mined_block"] if mined else row["verdict_block"],
        "status": _status(row),
        "reason": (row["mined_reason"] or row["cause"]) if mined else row["verdict_reason"],
    }


def _status(row: SqlRow) -> str:
    if row["mined_status"] is not None:
        return str(row["mined_status"])

    if row["verdict"] is not None:
        return str(row["verdict"])

    if row["sent_status"] is None:
        return "planned"

    # Anything that may have left and is not in a block may still land.
    return str(row["sent_status"]) if row["sent_status"] in _AS_THEY_ARE else "sent"


def _decline_row(row: SqlRow) -> dict[str, object]:
    numbers: Mapping[str, Any] = json.loads(row["numbers"])
    found: dict[str, object] = dict.fromkeys(REPORT_KEYS)
    found.update(
        deployment=row["deployment"],
        adapter=row["adapter"],
        position=_position(row["position"]),
        kind=numbers.get("kind"),
        debt_token=row["debt_token"],
        collateral_token=row["collateral_token"],
        repaid=numbers.get("repaid"),
        seized=numbers.get("seized"),
        expected_profit=numbers.get("expected_profit"),
        profit_token=numbers.get("profit_token"),
        block=row["last_block"],
        status="declined",
        reason=row["reason"],
    )
    return found


def _position(text: str | None) -> str | None:
    return None if text is None else position_text(PositionKey(from_hex(text)))
