"""The winners table: who took a position that we had a transaction out for, and at what tip."""

from dataclasses import dataclass
from typing import Final

from keeper.execution.auction import Experience
from keeper.journal.database import Database, insert
from keeper.journal.text import hex_text

REMEMBERED: Final = 64
"""Auctions that count: markets change, and who is in them."""


@dataclass(frozen=True, slots=True)
class Winner:
    """A rival's transaction: its place, its tip per gas in wei, and that tip in bps of what our plan could offer."""

    plan_id: str
    deployment: str
    tx_hash: bytes
    block_number: int
    block_hash: bytes
    tip_wei: int
    share_bps: int


class WinnerLedger:
    """Invariant: a rival's transaction counts once for a plan, in each block it was seen in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, run: int, winner: Winner) -> None:
        """Write a winner down; one that is known stays as it is."""
        key = (winner.plan_id, hex_text(winner.tx_hash), hex_text(winner.block_hash))
        with self._database.write() as connection:
            known = connection.execute(
                "SELECT 1 FROM winners WHERE plan_id = ? AND tx_hash = ? AND block_hash = ?", key
            ).fetchone()
            if known is not None:
                return

            insert(
                connection,
                "winners",
                {
                    "run": run,
                    "plan_id": winner.plan_id,
                    "deployment": winner.deployment,
                    "tx_hash": hex_text(winner.tx_hash),
                    "block_number": winner.block_number,
                    "block_hash": hex_text(winner.block_hash),
                    "tip_wei": str(winner.tip_wei),
                    "share_bps": winner.share_bps,
                },
            )

    def experience(self, deployment: str) -> Experience:
        """Read what the last auctions on a deployment taught, newest first."""
        shares = self._database.read(
            "SELECT share_bps FROM winners WHERE deployment = ? ORDER BY id DESC LIMIT ?", (deployment, REMEMBERED)
        )
        ends = self._database.read(
            "SELECT outcomes.status, outcomes.gas_used FROM outcomes JOIN plans ON plans.id = outcomes.plan_id "
            "WHERE plans.deployment = ? AND outcomes.canonical = 1 AND outcomes.status <> 'landed' "
            "ORDER BY outcomes.seq DESC LIMIT ?",
            (deployment, REMEMBERED),
        )
        charged = [row["gas_used"] for row in ends if row["status"] in ("reverted", "missed")]
        return Experience(tuple(row["share_bps"] for row in shares), len(ends), len(charged), sum(charged))
