"""Versions of the journal's tables after the first, oldest first; a released one is never edited."""

from collections.abc import Sequence
from typing import Final

from keeper.journal.ddl import Statement

HOLDS: Final[Sequence[Statement]] = (
    # A limit that tripped, or the operator's word: nothing is planned for while one stands.
    """
    CREATE TABLE holds (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs (id),
        cause TEXT NOT NULL,
        reason TEXT NOT NULL,
        since INTEGER NOT NULL, -- unix s, the chain's clock
        until INTEGER, -- unix s; none: until somebody lifts it
        after_outcome INTEGER NOT NULL, -- outcomes up to this one count no more for this cause
        lifted_at INTEGER, -- unix s
        lifted_by TEXT
    )
    """,
    "CREATE INDEX holds_by_cause ON holds (cause, id)",
    "CREATE INDEX outcomes_by_time ON outcomes (block_timestamp)",
)

LANES: Final[Sequence[Statement]] = (
    # The first nonce of a key that this journal answers for.
    """
    CREATE TABLE lanes (
        sender TEXT PRIMARY KEY,
        first_nonce INTEGER NOT NULL,
        run INTEGER NOT NULL REFERENCES runs (id)
    )
    """,
    """
    INSERT INTO lanes (sender, first_nonce, run)
    SELECT sender, min(nonce), min(run) FROM transactions GROUP BY sender
    """,
    # What a nonce is for: durable before a signer is asked, so that no crash can give it a second purpose.
    """
    CREATE TABLE intents (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs (id),
        sender TEXT NOT NULL,
        nonce INTEGER NOT NULL,
        plan_id TEXT REFERENCES plans (id), -- none: only to be used up
        status TEXT NOT NULL CHECK (status IN ('intended', 'signed', 'dropped'))
    )
    """,
    """
    INSERT INTO intents (run, sender, nonce, plan_id, status)
    SELECT min(run), sender, nonce, max(plan_id), 'signed' FROM transactions WHERE status <> 'refused'
    GROUP BY sender, nonce
    """,
    "CREATE UNIQUE INDEX one_live_intent ON intents (sender, nonce) WHERE status <> 'dropped'",
    "DROP INDEX open_transactions",
    """
    CREATE INDEX open_transactions ON transactions (sender, nonce)
    WHERE status IN ('signed', 'sent', 'ambiguous', 'cancelled', 'reorged', 'included')
    """,
    # Who won where we lost: what a place in the block was worth to somebody else.
    """
    CREATE TABLE winners (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs (id),
        plan_id TEXT NOT NULL REFERENCES plans (id),
        deployment TEXT NOT NULL,
        tx_hash TEXT NOT NULL,
        block_number INTEGER NOT NULL,
        block_hash TEXT NOT NULL,
        tip_wei TEXT NOT NULL, -- per gas
        share_bps INTEGER NOT NULL, -- of what our plan had left after the base fee
        UNIQUE (plan_id, tx_hash, block_hash)
    )
    """,
    "CREATE INDEX winners_by_deployment ON winners (deployment, id)",
)

MARGINS: Final[Sequence[Statement]] = (
    # Where a position that is not healthy stands, and since when: told once, whatever restarts.
    """
    CREATE TABLE margins (
        deployment TEXT NOT NULL,
        position TEXT NOT NULL, -- 0x text of the whole key
        state TEXT NOT NULL CHECK (state IN ('margin_call', 'liquidatable', 'underwater')),
        since_block INTEGER NOT NULL,
        since INTEGER NOT NULL, -- unix s, the chain's clock
        PRIMARY KEY (deployment, position)
    )
    """,
    # What people are told, or are still to be told.
    """
    CREATE TABLE alerts (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES runs (id),
        at INTEGER NOT NULL, -- unix s, this machine's clock
        severity TEXT NOT NULL CHECK (severity IN ('warning', 'critical')),
        event TEXT NOT NULL,
        subject TEXT NOT NULL,
        title TEXT NOT NULL,
        body TEXT NOT NULL,
        told_at INTEGER -- unix s; none: no channel took it yet
    )
    """,
    "CREATE INDEX alerts_by_subject ON alerts (event, subject, id)",
    "CREATE INDEX alerts_untold ON alerts (id) WHERE told_at IS NULL",
)

BATCHES: Final[Sequence[Statement]] = (
    # Plans that share a transaction: the batch's own row has it, the items' rows say what each was to do.
    """
    CREATE TABLE batch_items (
        batch_id TEXT NOT NULL REFERENCES plans (id),
        item_id TEXT NOT NULL REFERENCES plans (id),
        PRIMARY KEY (batch_id, item_id)
    )
    """,
    "CREATE INDEX batches_by_item ON batch_items (item_id)",
    # What became of each item of a batch that was mined; it counts as long as the batch's outcome in that block does.
    """
    CREATE TABLE item_outcomes (
        tx_hash TEXT NOT NULL REFERENCES transactions (hash),
        block_hash TEXT NOT NULL,
        plan_id TEXT NOT NULL REFERENCES plans (id),
        status TEXT NOT NULL,
        repaid TEXT,
        seized TEXT,
        settled_profit TEXT,
        realised_profit TEXT,
        cause TEXT,
        reason TEXT,
        PRIMARY KEY (tx_hash, block_hash, plan_id)
    )
    """,
)

CHANGES: Final[tuple[Sequence[Statement], ...]] = (HOLDS, LANES, MARGINS, BATCHES)
