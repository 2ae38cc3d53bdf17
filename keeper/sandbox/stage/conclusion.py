"""The end of a trial: the chain's own facts beside the keeper's rows, shown to people or printed as one document."""

import sys
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from rich.console import Console

from keeper.sandbox.chain import LocalChain
from keeper.sandbox.scenes.past import read_at
from keeper.sandbox.stage.protocols import AGREE, protocols_table, summaries
from keeper.sandbox.stage.results import DECLINED, LANDED, faults, gather, landed_facts
from keeper.sandbox.stage.show import declined_table, outcomes_table, show_result
from keeper.sandbox.stage.trial import Result, Trial
from keeper.telemetry.table import Labels, TokenLabel
from keeper.types import Address, parse_address, to_checksum


def conclude(trial: Trial, result: Result, console: Console, *, before: Mapping[str, float], as_json: bool) -> int:
    """Account for a trial and show it; 0 where books and referee agree, else 1.

    `before` is what was spent before the keeper started, in seconds. The tables go to the console; with `as_json` the
    same goes to standard output, as one document.
    """
    evidence = gather(trial, result)
    outcomes = [
        {**row, **(landed_facts(trial, row) if row["status"] == LANDED else {})}
        for row in result.rows
        if row["status"] != DECLINED
    ]
    seconds = {**before, **result.seconds}
    document: dict[str, Any] = {
        "protocols": summaries(evidence, result.rows, result.verdict),
        "outcomes": outcomes,
        "declined": [row for row in result.rows if row["status"] == DECLINED],
        "referee": result.verdict,
        "faults": list(faults(result, evidence)),
        "late_blocks": result.late_blocks,
        "seconds": {name: round(value, 3) for name, value in (*seconds.items(), ("total", sum(seconds.values())))},
    }
    labels = labels_of(trial.chain, _tokens(result.rows), result.last_block)
    names = {account: name for ward in trial.wards for account, name in ward.names.items()}
    tables = (
        outcomes_table(outcomes, labels, names),
        declined_table(result.rows, evidence, names),
        protocols_table(document["protocols"]),
    )
    show_result(document, tables, console)

    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(document) + b"\n")
        sys.stdout.buffer.flush()

    return 0 if not document["faults"] and result.verdict["verdict"] == AGREE else 1


def labels_of(chain: LocalChain, tokens: Iterable[Address], block: int) -> Labels:
    """Read how tokens call themselves; one that does not say keeps its address."""
    listed = list(tokens)
    found = read_at(
        chain, block, [(token, what) for token in listed for what in ("symbol()(string)", "decimals()(uint8)")]
    )
    return {
        to_checksum(token): TokenLabel(symbol or to_checksum(token)[:8], decimals)
        for token, symbol, decimals in zip(listed, found[::2], found[1::2], strict=True)
    }


def _tokens(rows: Iterable[Mapping[str, Any]]) -> tuple[Address, ...]:
    named = {
        row[key] for row in rows for key in ("debt_token", "collateral_token", "profit_token") if row[key] is not None
    }
    return tuple(parse_address(text) for text in sorted(named))
