"""The verdict: agree only where nothing was missed, nothing mismatches, and something was judged."""

from collections.abc import Sequence
from typing import Any

from referee.audit import audit, fetch_liquidations, landings
from referee.judge import Judge
from referee.parts.base import Part
from referee.receipts import Mismatch
from referee.report import LANDED, Row
from referee.windows import Window, find_windows

AGREE, DISAGREE = "agree", "disagree"
UNMENTIONED = "never mentioned"


def decide(judge: Judge, rows: Sequence[Row], blocks: int, seconds: float) -> dict[str, Any]:
    """Return the verdict as the document that `--json` prints; blocks: how long a profit may stand untaken."""
    liquidations = fetch_liquidations(judge)
    windows = find_windows(judge.records, landings(liquidations, judge.manifest.executor))
    mismatches = [*audit(judge, rows, liquidations), *_nothing_judged(judge), *_doubts(judge)]
    missed = [_missed(window, rows) for window in windows if window.missed(blocks)]
    return {
        "verdict": AGREE if not missed and not mismatches else DISAGREE,
        "deployments": {part.name: _summary(judge, part, missed, mismatches) for part in judge.parts},
        "checked": _checked(judge, rows, windows),
        "missed": missed,
        "mismatches": [
            {"deployment": it.deployment, "kind": it.kind, "where": it.where, "said": it.said, "found": it.found}
            for it in mismatches
        ],
        "seconds": round(seconds, 3),
    }


def _summary(
    judge: Judge, part: Part, missed: Sequence[dict[str, Any]], mismatches: Sequence[Mismatch]
) -> dict[str, Any]:
    """Sum up one deployment; what concerns the whole run counts for none of them."""
    own_missed = sum(item["deployment"] == part.name for item in missed)
    own_mismatches = sum(it.deployment == part.name for it in mismatches)
    found = [subject for record in judge.records for subject in record.unsafe if subject.deployment == part.name]
    paid = [subject for record in judge.records for subject in record.paid if subject.deployment == part.name]
    return {
        "verdict": DISAGREE if own_missed or own_mismatches else AGREE,
        "borrowers": part.accounts,
        "liquidatable": len(set(found)),
        "profitable": len(set(paid)),
        "missed": own_missed,
        "mismatches": own_mismatches,
    }


def _nothing_judged(judge: Judge) -> list[Mismatch]:
    return [
        Mismatch("nothing_judged", "the whole run", "-", "nobody found who owes, in the deployment's logs", part.name)
        for part in judge.parts
        if not part.accounts
    ]


def _doubts(judge: Judge) -> list[Mismatch]:
    """Return the trials whose scouted profit was not what the Transfer logs said: the referee's own fault."""
    return [Mismatch("referee", where, "-", "scout and logs differ") for where in judge.full_runs.doubts]


def _checked(judge: Judge, rows: Sequence[Row], windows: Sequence[Window]) -> dict[str, Any]:
    scout, full_runs = judge.scout, judge.full_runs
    records = judge.records
    return {
        "first_block": records[0].block.number,
        "last_block": records[-1].block.number,
        "blocks": len(records),
        "borrowers": sum(part.accounts for part in judge.parts),
        "liquidatable": len({subject for record in records for subject in record.unsafe}),
        "profitable": len({window.subject for window in windows}),
        "pairs": len(judge.pairs),
        "trials": scout.made,
        "trials_carried": scout.carried,
        "sales": scout.sales.made + scout.homeward.made,
        "sales_carried": scout.sales.carried + scout.homeward.carried,
        "full_runs": full_runs.made,
        "full_runs_carried": full_runs.carried,
        "unfunded": judge.unfunded,
        "windows": len(windows),
        "longest_wait": max((window.waited for window in windows), default=0),
        "rows": len(rows),
        "landed": sum(row.status == LANDED for row in rows),
        "busy_seconds": round(judge.busy_s, 3),
    }


def _missed(window: Window, rows: Sequence[Row]) -> dict[str, Any]:
    conclusion, worth = window.best.conclusion, window.best.worth
    tried = conclusion.choice.tried
    said = [f"{row.status}: {row.reason or '-'}" for row in rows if row.subject == window.subject]
    return {
        "deployment": window.subject.deployment,
        "position": window.subject.position,
        "borrower": "0x" + window.subject.position[-40:],
        "block": window.best.block,
        "first_block": window.first,
        "last_block": window.last,
        "blocks_waited": window.waited,
        "taken_late": window.taken,
        "debt_token": conclusion.pair.debt,
        "collateral_token": conclusion.pair.collateral,
        "size": str(tried.size),
        "repaid": str(tried.repaid),
        "seized": str(tried.seized),
        "profit": str(conclusion.profit),
        "profit_token": conclusion.choice.token,
        "profit_base": str(worth.profit),
        "gas_base": str(worth.gas),
        "floor_base": str(worth.floor),
        "keeper_said": list(dict.fromkeys(said)) or [UNMENTIONED],
    }
