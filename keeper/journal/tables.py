"""The first version of the journal's tables, in the SQL that every store of it understands.

Amounts are decimal text (a uint256 fits no SQL integer), addresses and hashes 0x text, so that `sqlite3` alone can
read the file. What was expected is written once: triggers refuse to change or remove it, whoever asks.
"""

from collections.abc import Sequence
from typing import Final

from keeper.journal.ddl import Guard, Once, Statement

VERSION_1: Final[Sequence[Statement]] = (
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
    # SQLite's REPLACE deletes without asking the DELETE trigger unless a connection opts in: so no second insert.
    Once("plans_are_written_once", "plans", "id", "a plan is written once"),
    Guard("plans_are_not_changed", "plans", "UPDATE", "expected values are never rewritten"),
    Guard("plans_are_not_removed", "plans", "DELETE", "expected values are never removed"),
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
    Guard(
        "transactions_keep_what_was_signed",
        "transactions",
        "UPDATE",
        "what was signed is never rewritten",
        "NEW.hash <> OLD.hash OR NEW.raw <> OLD.raw OR NEW.sender <> OLD.sender OR NEW.nonce <> OLD.nonce "
        "OR NEW.plan_id IS DISTINCT FROM OLD.plan_id OR NEW.kind <> OLD.kind",
    ),
    Guard("transactions_are_not_removed", "transactions", "DELETE", "what was signed is never removed"),
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
