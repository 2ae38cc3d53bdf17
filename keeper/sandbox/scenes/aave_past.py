"""What an Aave market itself said about accounts at past blocks: health, and how much of a debt could be repaid.

For the table at the end; the pool's own views are asked, none of the keeper's models.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from keeper.sandbox.aave import AccountData
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.scenes.base import Healths
from keeper.sandbox.scenes.past import read_at
from keeper.types import Address, parse_address
from keeper.units import WAD

ACCOUNT: Final = "getUserAccountData(address)(uint256,uint256,uint256,uint256,uint256,uint256)"
FULL_BPS: Final = 10_000
HALF_BPS: Final = 5_000
SMALL_DOLLARS: Final = 2_000
"""Below it, on either side of a pair, all of a debt may be repaid (v3.3 and later)."""
FULL_BELOW_WAD: Final = 95 * WAD // 100
"""Health at or below which all of a debt may be repaid."""


class Market(NamedTuple):
    """Whom to ask."""

    pool: Address
    oracle: Address
    data_provider: Address


def market_of(chain: LocalChain, provider: Address) -> Market:
    """Ask a V3 deployment's addresses provider whom to ask."""
    pool, oracle, data_provider = chain.call_many(
        [
            (provider, "getPool()(address)"),
            (provider, "getPriceOracle()(address)"),
            (provider, "getPoolDataProvider()(address)"),
        ]
    )
    return Market(pool, oracle, data_provider)


def account_data(
    chain: LocalChain, pool: Address, accounts: Sequence[Address], block: int
) -> Mapping[Address, AccountData | None]:
    """Read every account at a block; None where the market cannot say, as when a price is missing."""
    found = read_at(chain, block, [(pool, ACCOUNT, account) for account in accounts])
    return {
        account: None if data is None else AccountData(*data) for account, data in zip(accounts, found, strict=True)
    }


def healths(chain: LocalChain, pool: Address, accounts: Sequence[Address], block: int) -> Healths:
    """Read every account's health at a block."""
    return {
        account: None if data is None else data.health_factor_wad
        for account, data in account_data(chain, pool, accounts, block).items()
    }


def debt_and_collateral(row: Mapping[str, Any]) -> tuple[Address, Address, Address]:
    """Read the account, the debt and the collateral a report's row is about."""
    account = parse_address(f"0x{row['position'][-40:]}".lower())
    return account, parse_address(row["debt_token"]), parse_address(row["collateral_token"])


def factor_by_health(chain: LocalChain, pool: Address, row: Mapping[str, Any], block: int) -> int | None:
    """Say which share of a debt v3.0 lets be repaid at a block: half, or all at a low health. None without a health."""
    account, _, _ = debt_and_collateral(row)
    health_wad = healths(chain, pool, [account], block)[account]

    if health_wad is None:
        return None

    return HALF_BPS if health_wad > FULL_BELOW_WAD else FULL_BPS


def factor_by_size(chain: LocalChain, market: Market, row: Mapping[str, Any], block: int) -> int | None:
    """Say which share the rules of v3.3 and later let be repaid at a block: all, or half of everything owed.

    By the pool's views at that block, None where a price is missing; a health between this block and the next counts
    as it is here.
    """
    reserve = "getUserReserveData(address,address)(uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint40,bool)"
    account, debt, collateral = debt_and_collateral(row)
    data, owing, holding, debt_price, collateral_price, debt_unit, collateral_unit = read_at(
        chain,
        block,
        [
            (market.pool, ACCOUNT, account),
            (market.data_provider, reserve, debt, account),
            (market.data_provider, reserve, collateral, account),
            (market.oracle, "getAssetPrice(address)(uint256)", debt),
            (market.oracle, "getAssetPrice(address)(uint256)", collateral),
            (debt, "decimals()(uint8)"),
            (collateral, "decimals()(uint8)"),
        ],
    )

    if None in (data, debt_price, collateral_price):
        return None

    small = SMALL_DOLLARS * 10**8
    owed = owing[2] * debt_price // 10**debt_unit
    held = holding[0] * collateral_price // 10**collateral_unit
    halved = held >= small and owed >= small and AccountData(*data).health_factor_wad > FULL_BELOW_WAD
    return HALF_BPS if halved else FULL_BPS
