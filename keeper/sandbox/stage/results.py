"""A trial's rows beside the chain's word: facts for every outcome, and everything that does not add up."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from keeper.execution.causes import Cause
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.scenes.base import Ward
from keeper.sandbox.stage.trial import Result, Trial
from keeper.types import Address, parse_address, to_checksum
from keeper.units import WAD

LANDED: Final = "landed"
DECLINED: Final = "declined"
OWN_FAULTS: Final = (Cause.MODEL_DIFFERS, Cause.NOT_SETTLED, Cause.UNEXPLAINED)
"""Causes that are no cause: the model was wrong, or could not be asked, or nothing explains the difference."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a deployment itself says: each account's lowest health while the run went on, and its last."""

    ward: Ward
    lowest: Mapping[Address, int]
    last: Mapping[Address, int]

    @property
    def liquidatable(self) -> tuple[Address, ...]:
        """Accounts that could have been liquidated after some block."""
        return tuple(account for account, health in self.lowest.items() if health < WAD)


def gather(trial: Trial, result: Result) -> tuple[Evidence, ...]:
    """Read every account's health after each block of a run, by deployment; a block without a price says nothing."""
    blocks = range(result.first_block, result.last_block + 1)
    return tuple(_gather(trial.chain, ward, _accounts(ward, result.rows), blocks) for ward in trial.wards)


def rows_of(ward: Ward, rows: Iterable[Row]) -> list[Row]:
    """Pick a deployment's rows out of a report."""
    return [row for row in rows if row["deployment"] == ward.name]


def account_of_row(row: Row) -> Address | None:
    """Return whose position a report row is about."""
    text = row.get("position")
    return None if text is None else parse_address(f"0x{text[-40:]}".lower())


def landed_facts(trial: Trial, row: Row) -> dict[str, Any]:
    """Look up what the chain said around a landed liquidation: health before and after, close factor, dollars."""
    chain, block, account = trial.chain, row["block"], account_of_row(row)
    ward = next((ward for ward in trial.wards if ward.name == row["deployment"]), None)
    profit = trial.dollars(chain, parse_address(row["profit_token"]), int(row["realised_profit"]), block)
    facts: dict[str, Any] = {"profit_usd": None if profit is None else str(profit)}

    if ward is None or account is None:
        return facts

    before, after = (ward.healths(chain, [account], at).get(account) for at in (block - 1, block))
    return facts | {
        "health_before": None if before is None else str(before),
        "health_after": None if after is None else str(after),
        "close_factor_bps": ward.factor_bps(chain, row, block - 1),
    }


def faults(result: Result, evidence: Sequence[Evidence]) -> Iterator[str]:
    """Yield everything in the keeper's own books that does not add up."""
    if result.keeper_exit != 0:
        yield f"the keeper ended with {result.keeper_exit}"

    for found in evidence:
        rows = rows_of(found.ward, result.rows)
        mentioned = {account_of_row(row) for row in rows}
        landed = sum(row["status"] == LANDED for row in rows)

        if landed < found.ward.least_landed:
            yield f"{found.ward.name}: {landed} landed, at least {found.ward.least_landed} expected"

        for account in found.liquidatable:
            if account not in mentioned:
                yield f"{found.ward.name}: {to_checksum(account)} became liquidatable and was never mentioned"

    for row in result.rows:
        yield from _row_faults(row)


def _accounts(ward: Ward, rows: Iterable[Row]) -> list[Address]:
    """Return whom a deployment is about: whoever has a name, else whoever the keeper mentions."""
    mentioned = {account_of_row(row) for row in rows_of(ward, rows)}
    return list(ward.names) or sorted(account for account in mentioned if account is not None)


def _gather(chain: LocalChain, ward: Ward, accounts: Sequence[Address], blocks: range) -> Evidence:
    lowest: dict[Address, int] = {}
    last: dict[Address, int] = {}

    for block in blocks:
        for account, health in ward.healths(chain, accounts, block).items():
            if health is not None:
                lowest[account] = min(lowest.get(account, health), health)
                last[account] = health

    return Evidence(ward, lowest, last)


def _row_faults(row: Row) -> Iterator[str]:
    if row["status"] != LANDED:
        return

    where, cause = f"{row['deployment']}: {row['position']} in {row['tx_hash']}", row["reason"]

    if row["settled_profit"] != row["realised_profit"]:
        yield f"{where}: settled {row['settled_profit']}, realised {row['realised_profit']}"

    if cause in OWN_FAULTS:
        yield f"{where}: {cause}"

    if row["expected_profit"] != row["realised_profit"] and not cause:
        yield f"{where}: expected {row['expected_profit']}, realised {row['realised_profit']}, and no cause named"
