"""What the journal says about a keeper right now, read beside it in a few small queries; nothing is asked of a node."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from keeper.execution.thresholds import DAY_S, MEMORY_S, Standing, standing
from keeper.journal.holds import HoldView
from keeper.journal.passes import chain_time
from keeper.journal.place import Place, Reader, open_newest_reader
from keeper.journal.queries import newest_declines, newest_plans
from keeper.journal.text import from_hex, position_text
from keeper.types import PositionKey

LINES: Final = 120
"""Blocks of history a glance carries: what a sparkline has room for."""
ROWS: Final = 24
"""Rows of each list: what a tall terminal shows."""
_WORST_FIRST: Final = "CASE state WHEN 'underwater' THEN 0 WHEN 'liquidatable' THEN 1 ELSE 2 END"


@dataclass(frozen=True, slots=True)
class Hold:
    """What holds plans back: unix seconds, `until` None for never by itself."""

    cause: str
    reason: str
    since: int
    until: int | None


@dataclass(frozen=True, slots=True)
class Glance:
    """One look. `lines` are canonical lines of blocks, newest first; rows of plans are `keeper report`'s."""

    journal: str
    mode: str
    version: str
    lines: tuple[Mapping[str, Any], ...]
    plans: tuple[Mapping[str, object], ...]
    flying: tuple[Mapping[str, object], ...]
    declines: tuple[Mapping[str, object], ...]
    margins: tuple[Mapping[str, object], ...]
    margin_counts: Mapping[str, int]
    ended_today: Mapping[str, int]
    holds: tuple[Hold, ...]
    used: Standing

    @property
    def line(self) -> Mapping[str, Any]:
        """The newest block's line; empty before the first."""
        return self.lines[0] if self.lines else {}

    def facts(self) -> dict[str, Any]:
        """Everything as JSON can say it; money is dollars or wei times what its name says, as text."""
        used = {name: str(value) for name, value in asdict(self.used).items()}
        return {**asdict(self), "used": used}


def glance(place: Place, chain_id: int) -> Glance:
    """Look into the journal of the run that began last, live or dry; `JournalError` where there is none.

    "Today" is the day before the newest block, by the chain's clock.
    """
    with open_newest_reader(place, chain_id) as reader:
        return _look(reader)


def _look(reader: Reader) -> Glance:
    ledger = HoldView(reader)
    runs = reader.read("SELECT version, mode FROM runs ORDER BY id DESC LIMIT 1")
    blocks = reader.read("SELECT line FROM blocks ORDER BY number DESC LIMIT ?", (LINES,))
    lines = tuple(json.loads(row["line"]) for row in blocks)
    now = chain_time(reader)
    ended = reader.read(
        "SELECT status, count(*) AS number FROM outcomes WHERE canonical = 1 AND block_timestamp > ? GROUP BY status",
        (now - DAY_S,),
    )
    counts = reader.read("SELECT state, count(*) AS number FROM margins GROUP BY state")
    return Glance(
        journal=reader.name,
        mode=str(runs[0]["mode"]) if runs else "",
        version=str(runs[0]["version"]) if runs else "",
        lines=lines,
        plans=newest_plans(reader, ROWS),
        flying=_flying(reader),
        declines=newest_declines(reader, ROWS),
        margins=_margins(reader),
        margin_counts={str(row["state"]): int(row["number"]) for row in counts},
        ended_today={str(row["status"]): int(row["number"]) for row in ended},
        holds=tuple(Hold(h.cause.value, h.reason, h.since, h.until) for h in ledger.active(now)),
        used=standing(ledger.results(now - MEMORY_S), now, ledger.counted_from()),
    )


def _flying(reader: Reader) -> tuple[Mapping[str, object], ...]:
    """What may still be mined: the newest alternative of each nonce."""
    rows = reader.read(
        "SELECT transactions.nonce, transactions.status, transactions.kind, transactions.max_block, "
        "transactions.max_fee_wei, plans.deployment, plans.position FROM transactions "
        "LEFT JOIN plans ON plans.id = transactions.plan_id "
        "WHERE transactions.status IN ('signed', 'sent', 'ambiguous', 'cancelled', 'reorged') "
        "ORDER BY transactions.seq DESC LIMIT ?",
        (ROWS,),
    )
    names = ("nonce", "status", "kind", "max_block", "max_fee_wei", "deployment")
    return tuple({**{name: row[name] for name in names}, "position": _position(row["position"])} for row in rows)


def _margins(reader: Reader) -> tuple[Mapping[str, object], ...]:
    rows = reader.read(
        "SELECT deployment, position, state, since_block, since FROM margins "  # noqa: S608 # a constant of ours
        f"ORDER BY {_WORST_FIRST}, since_block DESC LIMIT ?",
        (ROWS,),
    )
    names = ("deployment", "state", "since_block", "since")
    return tuple({**{name: row[name] for name in names}, "position": _position(row["position"])} for row in rows)


def _position(text: str | None) -> str | None:
    return None if text is None else position_text(PositionKey(from_hex(text)))
