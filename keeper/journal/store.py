"""The front door of the journal: one per chain and mode, one writer, every commit durable before the call returns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from keeper.errors import JournalError
from keeper.execution.base import Status
from keeper.journal.database import Database, insert_returning
from keeper.journal.holds import HoldLedger
from keeper.journal.margins import MarginLedger
from keeper.journal.passes import PassLedger
from keeper.journal.place import Place, name_of, open_database
from keeper.journal.plans import PlanLedger, PricedPlan
from keeper.journal.records import Intent, PlanRecord, TxRecord, TxState
from keeper.journal.state import StateStore
from keeper.journal.transactions import Booking, Step, TransactionLedger
from keeper.journal.winners import Winner, WinnerLedger
from keeper.types import Address, BlockHead, Declined


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What is written about a run when it starts; `started_at` is unix s, `deployments` maps names to adapters."""

    version: str
    config_hash: str
    started_at: int
    deployments: Mapping[str, str]


class Journal:
    """Everything the keeper must not forget.

    Methods return when what they wrote survives a power cut, and raise `JournalError` otherwise; then nothing may be
    signed. They block for one commit (about a third of a millisecond on an SSD); the state store is safe to use from
    another thread.
    """

    def __init__(self, place: Place, *, live: bool, chain_id: int, run: RunInfo) -> None:
        """Open the journal of this mode at a place, become its writer, migrate it, and start a run.

        `JournalError` for a second process, a damaged or foreign file, a newer schema, another mode or chain.
        """
        self.name = name_of(place, chain_id, live=live)
        self._database: Database = open_database(place, chain_id, live=live)
        self.state = StateStore(self._database)
        self.transactions = TransactionLedger(self._database)
        self.winners = WinnerLedger(self._database)
        self.holds = HoldLedger(self._database)
        self.margins = MarginLedger(self._database)
        self._plans = PlanLedger(self._database)
        self._passes = PassLedger(self._database)
        try:
            self._claim("mode", "live" if live else "dry")
            self._claim("chain_id", str(chain_id))
            self._run = self._begin(run, "live" if live else "dry")
            self._plans.abandon(self._run)
        except JournalError:
            self.close()
            raise

    @property
    def run(self) -> int:
        """The number of this run."""
        return self._run

    def record_pass(self, head: BlockHead, line: Mapping[str, object], declines: Sequence[Declined]) -> None:
        """Write the canonical line of a block and what was declined in it."""
        self._passes.record(self._run, head, line, declines)

    def record_plans(self, plans: Sequence[PricedPlan]) -> None:
        """Write what is expected of these plans, before anything of theirs is signed."""
        self._plans.record(self._run, plans)

    def record_items(self, priced: PricedPlan) -> None:
        """Write what is expected of each item of a batch, before it is signed."""
        self._plans.record_items(self._run, priced)

    def record_verdict(
        self,
        plan_id: str,
        status: Status,
        block_number: int,
        reason: str | None = None,
        numbers: Mapping[str, int | str] | None = None,
    ) -> None:
        """Write how a plan ended without a mined transaction."""
        self._plans.record_verdict(plan_id, status, block_number, reason, numbers)

    def plan(self, plan_id: str) -> PlanRecord:
        """Read a plan as it was written."""
        return self._plans.get(plan_id)

    def earlier_plan_missed(self, plan_id: str, block_hash: bytes) -> bool:
        """Tell whether a plan of the same pass, ahead of this one, did not land in this block."""
        return self._plans.earlier_missed(plan_id, block_hash)

    def adopt(self, sender: Address, first_nonce: int) -> None:
        """Start keeping the books of a key from this nonce on."""
        self.transactions.adopt(self._run, sender, first_nonce)

    def intend(self, intent: Intent) -> None:
        """Write what a nonce is for; only then may a signer be asked."""
        self.transactions.intend(self._run, intent)

    def record_signed(self, record: TxRecord) -> None:
        """Write a signed transaction; only then may its bytes leave."""
        self.transactions.record_signed(self._run, record)

    def move(
        self, tx_hash: bytes, state: TxState, *, block_number: int | None = None, detail: str | None = None
    ) -> None:
        """Move a transaction to a state."""
        self.transactions.move(self._run, Step(tx_hash, state, block_number, detail))

    def book(self, booking: Booking) -> None:
        """Write what came of a transaction in one block."""
        self.transactions.book(self._run, booking)

    def record_winner(self, winner: Winner) -> None:
        """Write who won where we lost."""
        self.winners.record(self._run, winner)

    def orphan(self, tx_hash: bytes, block_number: int) -> None:
        """Take a booking back after a reorg."""
        self.transactions.orphan(self._run, tx_hash, block_number)

    def last_block(self) -> int | None:
        """Return the number of the newest block any run passed; None in a new journal."""
        (row,) = self._database.read("SELECT max(number) AS last FROM blocks")
        return None if row["last"] is None else int(row["last"])

    def fence(self) -> None:
        """Raise `JournalError` if somebody else may have become the writer: nothing may leave then."""
        self._database.fence()

    @property
    def epoch(self) -> int:
        """The lease this run acts under; 0 where there is none."""
        return self._database.epoch

    def renew(self) -> None:
        """Stay the writer; `JournalError` where somebody else is."""
        self._database.renew()

    def close(self) -> None:
        """Close the file and let the next process in; safe to call twice."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _claim(self, key: str, value: str) -> None:
        """Write a fact about the file the first time, insist on it ever after."""
        with self._database.write() as connection:
            connection.execute("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING", (key, value))

        found = self._database.read("SELECT value FROM meta WHERE key = ?", (key,))[0]["value"]
        if found != value:
            raise JournalError(
                f"{self.name} belongs to {key} {found}, not {value}: name another file in [run] journal",
                key=key,
                found=found,
                wanted=value,
            )

    def _begin(self, run: RunInfo, mode: str) -> int:
        with self._database.write() as connection:
            for name, adapter in run.deployments.items():
                connection.execute(
                    "INSERT INTO deployments (name, adapter) VALUES (?, ?) "
                    "ON CONFLICT (name) DO UPDATE SET adapter = excluded.adapter",
                    (name, adapter),
                )

            row = {"version": run.version, "config_hash": run.config_hash, "mode": mode, "started_at": run.started_at}
            return insert_returning(connection, "runs", row, "id")
