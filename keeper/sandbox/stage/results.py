"""A trial as one document: every outcome with what the chain says of it, every no, and what does not add up."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keeper.execution.causes import Cause
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.stage.accounts import Market, Pair, close_factor_bps, dollars, healths
from keeper.sandbox.stage.trial import Result
from keeper.types import Address, parse_address, to_checksum
from keeper.units import WAD

LANDED = "landed"
DECLINED = "declined"
OWN_FAULTS = (Cause.MODEL_DIFFERS, Cause.NOT_SETTLED, Cause.UNEXPLAINED)
"""Causes that are no cause: the model was wrong, or could not be asked, or nothing explains the difference."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the chain itself says: each account's lowest health while the run went on, by account."""

    lowest: Mapping[Address, int]
    last: Mapping[Address, int]

    @property
    def liquidatable(self) -> tuple[Address, ...]:
        """Accounts that could have been liquidated after some block."""
        return tuple(account for account, health in self.lowest.items() if health < WAD)


def gather(chain: LocalChain, market: Market, accounts: Sequence[Address], blocks: range) -> Evidence:
    """Read every account's health after each block of a run; a block without a price says nothing."""
    lowest: dict[Address, int] = {}
    last: dict[Address, int] = {}

    for block in blocks:
        for account, data in healths(chain, market, accounts, block).items():
            if data is not None:
                lowest[account] = min(lowest.get(account, data.health_factor_wad), data.health_factor_wad)
                last[account] = data.health_factor_wad

    return Evidence(lowest, last)


def account_of_row(row: Mapping[str, Any]) -> Address | None:
    """Return whose position a report row is about."""
    text = row.get("position")
    return None if text is None else parse_address(f"0x{text[-40:]}".lower())


def landed_facts(chain: LocalChain, market: Market, row: Mapping[str, Any]) -> dict[str, Any]:
    """Look up what the chain said around a landed liquidation: health before and after, close factor, dollars."""
    account, block = account_of_row(row), row["block"]

    if account is None:
        return {}

    before, after = (healths(chain, market, [account], at)[account] for at in (block - 1, block))
    pair = Pair(account, *(parse_address(row[key]) for key in ("debt_token", "collateral_token")))
    profit = dollars(chain, market, parse_address(row["profit_token"]), int(row["realised_profit"]), block)
    return {
        "health_before": None if before is None else str(before.health_factor_wad),
        "health_after": None if after is None else str(after.health_factor_wad),
        "close_factor_bps": close_factor_bps(chain, market, pair, block - 1),
        "profit_usd": None if profit is None else str(profit),
    }


def faults(result: Result, evidence: Evidence) -> Iterator[str]:
    """Yield everything in the keeper's own books that does not add up."""
    mentioned = {account_of_row(row) for row in result.rows}

    if result.keeper_exit != 0:
        yield f"the keeper ended with {result.keeper_exit}"

    if not any(row["status"] == LANDED for row in result.rows):
        yield "nothing landed"

    for account in evidence.liquidatable:
        if account not in mentioned:
            yield f"{to_checksum(account)} became liquidatable and was never mentioned"

    for row in result.rows:
        yield from _row_faults(row)


def _row_faults(row: Mapping[str, Any]) -> Iterator[str]:
    if row["status"] != LANDED:
        return

    where, cause = f"{row['position']} in {row['tx_hash']}", row["reason"]

    if row["settled_profit"] != row["realised_profit"]:
        yield f"{where}: settled {row['settled_profit']}, realised {row['realised_profit']}"

    if cause in OWN_FAULTS:
        yield f"{where}: {cause}"

    if row["expected_profit"] != row["realised_profit"] and not cause:
        yield f"{where}: expected {row['expected_profit']}, realised {row['realised_profit']}, and no cause named"
