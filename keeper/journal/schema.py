"""The tables of the journal, their versions, and what is checked before a file is trusted.

Amounts are decimal text (a uint256 fits no SQLite integer), addresses and hashes 0x text, so that `sqlite3` alone can
read the file. What was expected is written once: triggers refuse to change or remove it, whoever asks.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

from keeper.errors import JournalError

APPLICATION_ID: Final = 0x4B454550  # "KEEP": tells our files from any other SQLite file

_VERSION_1: Final = (
    """
    CREATE TABLE meta (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY,
        version TEXT NOT NULL,
        config_hash TEXT NOT NULL,
        mode TEXT NOT NULL CHECK (mode IN ('live', 'dry')),
        started_at INTEGER NOT NULL -- unix s
    )
    """,
    """
    CREATE TABLE deployments (
        name TEXT PRIMARY KEY,
        adapter TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE blocks (
        number INTEGER NOT NULL,
        hash TEXT NOT NULL,
        run INTEGER NOT NULL REFERENCES runs (id),
        line TEXT NOT NULL, -- JSON: the canonical log line
        PRIMARY KEY (number, hash)
    )
    """,
    """
    CREATE TABLE plans (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        run INTEGER NOT NULL REFERENCES runs (id),
        strategy TEXT NOT NULL,
        deployment TEXT NOT NULL REFERENCES deployments (name),
        kind TEXT NOT NULL,
        position TEXT, -- 0x text of the whole key
        debt_token TEXT NOT NULL,
        collateral_token TEXT NOT NULL,
        size_token TEXT NOT NULL,
        size TEXT NOT NULL,
        repaid TEXT NOT NULL,
        seized TEXT NOT NULL,
        profit_token TEXT NOT NULL,
        profit TEXT NOT NULL,
        min_profit TEXT NOT NULL,
        profit_usd TEXT NOT NULL, -- dollars times 10^18
        net_usd TEXT NOT NULL, -- after gas
        gas INTEGER NOT NULL,
        gas_limit INTEGER NOT NULL,
        gas_cost_wei TEXT NOT NULL,
        max_fee_wei TEXT NOT NULL,
        tip_wei TEXT NOT NULL,
        ceiling_wei TEXT NOT NULL, -- fee per gas no replacement may pass
        target_number INTEGER NOT NULL,
        target_timestamp INTEGER NOT NULL,
        target_base_fee_wei TEXT NOT NULL,
        expires_at INTEGER NOT NULL,
        max_block INTEGER NOT NULL,
        head_number INTEGER NOT NULL,
        head_hash TEXT NOT NULL,
        executor TEXT NOT NULL,
        calldata BLOB NOT NULL,
        details TEXT NOT NULL -- JSON: settlement, route, funding, the adapter's own detail
    )
    """,
    # REPLACE deletes without asking the DELETE trigger unless a connection opts in; so a second insert is refused.
    """
    CREATE TRIGGER plans_are_written_once BEFORE INSERT ON plans
    WHEN EXISTS (SELECT 1 FROM plans WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'a plan is written once'); END
    """,
    """
    CREATE TRIGGER plans_are_not_changed BEFORE UPDATE ON plans
    BEGIN SELECT RAISE(ABORT, 'expected values are never rewritten'); END
    """,
    """
    CREATE TRIGGER plans_are_not_removed BEFORE DELETE ON plans
    BEGIN SELECT RAISE(ABORT, 'expected values are never removed'); END
    """,
    """
    CREATE TABLE verdicts (
        id INTEGER PRIMARY KEY,
        plan_id TEXT NOT NULL REFERENCES plans (id),
        status TEXT NOT NULL,
        reason TEXT,
        block_number INTEGER NOT NULL,
        numbers TEXT NOT NULL -- JSON
    )
    """,
    "CREATE INDEX plans_by_head ON plans (head_hash)",
    "CREATE INDEX verdicts_by_plan ON verdicts (plan_id)",
    """
    CREATE TABLE declines (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs (id),
        deployment TEXT NOT NULL,
        position TEXT,
        reason TEXT NOT NULL,
        debt_token TEXT,
        collateral_token TEXT,
        first_block INTEGER NOT NULL,
        last_block INTEGER NOT NULL,
        numbers TEXT NOT NULL -- JSON, as of the last block
    )
    """,
    "CREATE INDEX declines_by_position ON declines (deployment, position)",
    """
    CREATE TABLE transactions (
        seq INTEGER PRIMARY KEY,
        hash TEXT NOT NULL UNIQUE,
        run INTEGER NOT NULL REFERENCES runs (id),
        kind TEXT NOT NULL CHECK (kind IN ('plan', 'cancel')),
        plan_id TEXT REFERENCES plans (id),
        replaces TEXT REFERENCES transactions (hash),
        sender TEXT NOT NULL,
        nonce INTEGER NOT NULL,
        raw BLOB NOT NULL,
        gas_limit INTEGER NOT NULL,
        max_fee_wei TEXT NOT NULL,
        tip_wei TEXT NOT NULL,
        max_block INTEGER NOT NULL, -- last block it can do what it is for
        expires_at INTEGER NOT NULL, -- unix s, likewise
        channel TEXT NOT NULL,
        status TEXT NOT NULL
    )
    """,
    # One intent per nonce: a second one must say which transaction it replaces.
    "CREATE UNIQUE INDEX one_intent_per_nonce ON transactions (sender, nonce) WHERE replaces IS NULL",
    "CREATE INDEX transactions_by_nonce ON transactions (sender, nonce)",
    """
    CREATE INDEX open_transactions ON transactions (sender, nonce)
    WHERE status IN ('signed', 'sent', 'ambiguous', 'included')
    """,
    "CREATE INDEX transactions_by_plan ON transactions (plan_id)",
    """
    CREATE TRIGGER transactions_keep_what_was_signed BEFORE UPDATE ON transactions
    WHEN NEW.hash <> OLD.hash OR NEW.raw <> OLD.raw OR NEW.sender <> OLD.sender OR NEW.nonce <> OLD.nonce
        OR NEW.plan_id IS NOT OLD.plan_id OR NEW.kind <> OLD.kind
    BEGIN SELECT RAISE(ABORT, 'what was signed is never rewritten'); END
    """,
    """
    CREATE TRIGGER transactions_are_not_removed BEFORE DELETE ON transactions
    BEGIN SELECT RAISE(ABORT, 'what was signed is never removed'); END
    """,
    """
    CREATE TABLE transitions (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs (id),
        tx_hash TEXT NOT NULL REFERENCES transactions (hash),
        status TEXT NOT NULL,
        block_number INTEGER,
        detail TEXT
    )
    """,
    "CREATE INDEX transitions_by_transaction ON transitions (tx_hash)",
    """
    CREATE TABLE outcomes (
        seq INTEGER PRIMARY KEY,
        tx_hash TEXT NOT NULL REFERENCES transactions (hash),
        block_hash TEXT NOT NULL,
        plan_id TEXT REFERENCES plans (id),
        status TEXT NOT NULL,
        block_number INTEGER NOT NULL,
        block_timestamp INTEGER NOT NULL,
        gas_used INTEGER NOT NULL,
        gas_price_wei TEXT NOT NULL,
        repaid TEXT,
        seized TEXT,
        profit_token TEXT,
        settled_profit TEXT,
        realised_profit TEXT,
        realised TEXT, -- JSON: every payment and receipt
        cause TEXT,
        reason TEXT,
        canonical INTEGER NOT NULL CHECK (canonical IN (0, 1)),
        UNIQUE (tx_hash, block_hash)
    )
    """,
    "CREATE INDEX outcomes_by_plan ON outcomes (plan_id)",
    # A transaction can be in one block of the canonical chain.
    "CREATE UNIQUE INDEX one_canonical_outcome ON outcomes (tx_hash) WHERE canonical = 1",
    """
    CREATE TABLE state_cursors (
        source TEXT PRIMARY KEY,
        block_number INTEGER NOT NULL,
        block_hash TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE state_rows (
        source TEXT NOT NULL,
        key BLOB NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (source, key)
    ) WITHOUT ROWID
    """,
)

MIGRATIONS: Final[Sequence[Sequence[str]]] = (_VERSION_1,)
"""Statements per version, in order; a released one is never edited, a change is a new one at the end."""


def prepare(connection: sqlite3.Connection, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Check the file and bring it to the newest version, each version in one transaction.

    `JournalError` for a damaged file, somebody else's file, or one a newer keeper wrote.
    """
    check(connection, migrations)
    for version in range(version_of(connection), len(migrations)):
        connection.execute("BEGIN IMMEDIATE")
        for statement in migrations[version]:
            connection.execute(statement)

        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {version + 1}")
        connection.execute("COMMIT")


def check(connection: sqlite3.Connection, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Refuse a damaged file, somebody else's file, or one a newer keeper wrote; an empty one is fine."""
    damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if damage != "ok":
        raise JournalError(f"the journal is damaged: {damage}; restore a copy, nothing is signed on it")

    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and tables:
        raise JournalError("the file is a database, but not a keeper's journal: name another path in [run] journal")

    version = version_of(connection)
    if version > len(migrations):
        raise JournalError(
            f"the journal has schema version {version}, this keeper knows {len(migrations)}: "
            "run the keeper that wrote it, or a newer one",
            found=version,
            known=len(migrations),
        )


def version_of(connection: sqlite3.Connection) -> int:
    """Read the schema version; 0 for an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
