"""`python -m auditor JOURNAL --rpc-url URL`: exit 0 where the books are the chain's, 1 where not, 2 where unknown."""

import argparse
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from auditor import chain, ledger
from auditor.checks import audit
from auditor.database import AuditError, connect


@dataclass(frozen=True, slots=True)
class Place:
    """Where a journal is: an SQLite file, or a PostgreSQL URL with a schema."""

    journal: str
    schema: str | None = None


def examine(place: Place, rpc_url: str, *, at_rest: bool, first_block: int | None = None) -> list[str]:
    """Read both sides and list what is wrong."""
    with connect(place.journal, place.schema) as journal:
        books = ledger.read(journal)

    if first_block is None:
        first_block = min((plan.head_number for plan in books.plans.values()), default=0)

    return list(audit(books, chain.read(rpc_url, tuple(books.first_nonces), first_block), at_rest=at_rest))


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, audit, tell."""
    parser = argparse.ArgumentParser(prog="audit", description="Hold a keeper's journal against the chain.")
    parser.add_argument("journal", help="the journal's file, or its postgresql:// URL; nothing is written to it")
    parser.add_argument("--schema", help="where in the database: keeper_1_live for chain 1  [default: the only one]")
    parser.add_argument("--rpc-url", required=True, help="a node of the chain, over HTTP")
    parser.add_argument("--first-block", type=int, help="first block of the keys' history  [default: the first plan's]")
    parser.add_argument("--at-rest", action="store_true", help="the keeper has ended: nothing may be under way")
    options = parser.parse_args(arguments)
    try:
        place = Place(options.journal, options.schema)
        faults = examine(place, options.rpc_url, at_rest=options.at_rest, first_block=options.first_block)
    except (sqlite3.Error, AuditError, chain.ChainError, OSError) as error:
        print(f"cannot be audited: {error}", file=sys.stderr)
        return 2

    for fault in faults:
        print(fault)

    print("the books are the chain's" if not faults else f"{len(faults)} faults", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
