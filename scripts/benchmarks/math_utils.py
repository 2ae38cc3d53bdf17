"""A million positions screened, per account, against what Aave's own front end computes an account's health with."""

import gc
import json
import os
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from benchmarks.figure import Figure, same
from benchmarks.lending import NOW, THRESHOLD_BPS, Reserves, build_market, draw_accounts, draw_reserves
from benchmarks.peers import LOCKS, node, node_peer
from benchmarks.timing import best_of, shown
from keeper.book.columns import PositionBook
from keeper.book.screen import suspects
from keeper.protocols.aave_v3 import health, screen
from keeper.protocols.aave_v3.account import Account
from keeper.protocols.aave_v3.market import AaveV3Market
from keeper.protocols.ledger import Ledger
from keeper.types import Health, PositionKey
from keeper.units import WAD

PEER = "aave-math-utils"
ACCOUNTS = 2_000
POSITIONS = 1_000_000
SEED = 5


def measure() -> Iterator[Figure]:
    """Decide the same accounts both ways, then time ours on a book of a million."""
    reserves = draw_reserves(SEED)
    drawn = list(draw_accounts(SEED, ACCOUNTS, reserves))
    theirs = ask_peer([account for _, account in drawn], reserves)
    market = build_market(reserves, Ledger(dict(drawn)))
    ours = {key for key in suspects(book_of(market), screen.factors(market)) if _is_unhealthy(key, market)}
    same({place for place, (key, _) in enumerate(drawn) if key in ours}, set(theirs["unhealthy"]))

    market = build_market(reserves, Ledger(dict(draw_accounts(SEED, POSITIONS, reserves))))
    book, factors = book_of(market), screen.factors(market)
    gc.freeze()
    per_account = best_of(lambda: suspects(book, factors), repeats=9) / POSITIONS
    their_account = theirs["seconds"] / ACCOUNTS
    lock = json.loads((LOCKS / PEER / "package-lock.json").read_text())
    peer = lock["packages"]["node_modules/@aave/math-utils"]["version"]
    yield Figure(
        "screen per account against @aave/math-utils formatUserSummary",
        their_account / per_account,
        "x",
        60_000,
        f"numpy {version('numpy')}: {shown(per_account)}; math-utils {peer}, only the reserves used: "
        f"{shown(their_account)}, totals and limits besides; {len(ours)} of {ACCOUNTS:,} unhealthy on both",
    )


def ask_peer(accounts: list[Account], reserves: Reserves) -> dict[str, Any]:
    """Hand the accounts to math-utils; its seconds for all of them, and the places of the unhealthy."""
    home = node_peer(PEER)
    question = {
        "timestamp": NOW,
        "reserves": [_reserve(place, reserves) for place in range(len(reserves.prices))],
        "users": [_user(account) for account in accounts],
    }
    done = subprocess.run(
        [node(), LOCKS / PEER / "measure.js"],
        input=json.dumps(question).encode(),
        stdout=subprocess.PIPE,
        check=True,
        env={**os.environ, "NODE_PATH": str(home / "node_modules")},
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def book_of(market: AaveV3Market) -> PositionBook:
    """Every account of a market in columns."""
    book = PositionBook()
    for row in screen.rows(None, market):
        book.upsert(row)

    return book


def _is_unhealthy(key: PositionKey, market: AaveV3Market) -> bool:
    found = health.health(key, market)
    return isinstance(found, Health) and found.factor_wad < WAD


def _reserve(place: int, reserves: Reserves) -> dict[str, object]:
    return {
        "underlyingAsset": str(place),
        "decimals": reserves.decimals[place],
        "priceInMarketReferenceCurrency": str(reserves.prices[place]),
        "liquidityIndex": str(reserves.incomes[place]),
        "liquidityRate": "0",
        "variableBorrowIndex": str(reserves.debt_indices[place]),
        "variableBorrowRate": "0",
        "lastUpdateTimestamp": NOW,
        "reserveLiquidationThreshold": str(THRESHOLD_BPS),
        "baseLTVasCollateral": "7500",
        "debtCeiling": "0",
        "eModes": [],
    }


def _user(account: Account) -> list[dict[str, object]]:
    supplied, borrowed = dict(account.supplied), dict(account.borrowed)
    return [
        {
            "underlyingAsset": str(place),
            "scaledATokenBalance": str(supplied.get(place, 0)),
            "usageAsCollateralEnabledOnUser": place in supplied,
            "scaledVariableDebt": str(borrowed.get(place, 0)),
        }
        for place in sorted(supplied.keys() | borrowed.keys())
    ]
