"""What the market itself said about accounts at past blocks: health, and how much of a debt could be repaid.

For the table at the end; the pool's own views are asked, none of the keeper's models.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from keeper.config.model import AaveV3Deployment, KeeperConfig
from keeper.sandbox.aave import AccountData
from keeper.sandbox.artifact import signature
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.multicall3 import MULTICALL3
from keeper.sandbox.node import to_hex
from keeper.sandbox.packages import SandboxError
from keeper.types import Address
from keeper.units import WAD

AGGREGATE: Final = "aggregate3((address,bool,bytes)[])((bool,bytes)[])"
ACCOUNT: Final = "getUserAccountData(address)(uint256,uint256,uint256,uint256,uint256,uint256)"
READ_GAS: Final = 500_000_000
"""Gas of one batch of reads: far above a block's, a local chain allows it."""
FULL_BPS: Final = 10_000
HALF_BPS: Final = 5_000
SMALL_DOLLARS: Final = 2_000
"""Below it, on either side of a pair, all of a debt may be repaid (v3.3 and later)."""
FULL_BELOW_WAD: Final = 95 * WAD // 100
"""Health at or below which all of a debt may be repaid."""


class Pair(NamedTuple):
    """A debt and a collateral of one account, base units."""

    account: Address
    debt_token: Address
    collateral_token: Address


class Market(NamedTuple):
    """Whom to ask."""

    pool: Address
    oracle: Address
    data_provider: Address


def judged(config: KeeperConfig) -> AaveV3Deployment:
    """Return the deployment a trial is about: the first Aave V3 market of a configuration."""
    for deployment in config.deployments:
        if isinstance(deployment, AaveV3Deployment):
            return deployment

    raise SandboxError("nothing to try: prices are moved on, and the referee judges, Aave V3 markets only")


def market_of(chain: LocalChain, provider: Address) -> Market:
    """Ask a deployment's addresses provider whom to ask."""
    pool, oracle, data_provider = chain.call_many(
        [
            (provider, "getPool()(address)"),
            (provider, "getPriceOracle()(address)"),
            (provider, "getPoolDataProvider()(address)"),
        ]
    )
    return Market(pool, oracle, data_provider)


def read_at(chain: LocalChain, block: int, calls: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Read many things at a past block, each `(contract, function, *arguments)`; None where one reverts."""
    asked = [(to, signature(function), values) for to, function, *values in calls]
    batch = [(to, True, function.encode(*values)) for to, function, values in asked]
    call = {"to": to_hex(MULTICALL3), "data": to_hex(signature(AGGREGATE).encode(batch)), "gas": hex(READ_GAS)}
    answer = chain.node.rpc("eth_call", call, hex(block))
    returned = signature(AGGREGATE).decode(bytes.fromhex(answer[2:]))
    return [function.decode(data) if ok else None for (_, function, _), (ok, data) in zip(asked, returned, strict=True)]


def healths(
    chain: LocalChain, market: Market, accounts: Sequence[Address], block: int
) -> Mapping[Address, AccountData | None]:
    """Read every account at a block; None where the market cannot say, as when a price is missing."""
    found = read_at(chain, block, [(market.pool, ACCOUNT, account) for account in accounts])
    return {
        account: None if data is None else AccountData(*data) for account, data in zip(accounts, found, strict=True)
    }


def close_factor_bps(chain: LocalChain, market: Market, pair: Pair, block: int) -> int:
    """Say which share the rules of v3.3 and later let be repaid at a block: all, or half of everything owed.

    By the pool's views at that block, 0 where a price is missing; a health between this block and the next counts as
    it is here.
    """
    reserve = "getUserReserveData(address,address)(uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint40,bool)"
    account, debt, collateral, debt_price, collateral_price, debt_unit, collateral_unit = read_at(
        chain,
        block,
        [
            (market.pool, ACCOUNT, pair.account),
            (market.data_provider, reserve, pair.debt_token, pair.account),
            (market.data_provider, reserve, pair.collateral_token, pair.account),
            (market.oracle, "getAssetPrice(address)(uint256)", pair.debt_token),
            (market.oracle, "getAssetPrice(address)(uint256)", pair.collateral_token),
            (pair.debt_token, "decimals()(uint8)"),
            (pair.collateral_token, "decimals()(uint8)"),
        ],
    )

    if None in (account, debt_price, collateral_price):
        return 0

    small = SMALL_DOLLARS * 10**8
    owed = debt[2] * debt_price // 10**debt_unit
    held = collateral[0] * collateral_price // 10**collateral_unit
    halved = held >= small and owed >= small and AccountData(*account).health_factor_wad > FULL_BELOW_WAD
    return HALF_BPS if halved else FULL_BPS


def dollars(chain: LocalChain, market: Market, token: Address, amount: int, block: int) -> int | None:
    """Value an amount at the market's own price at a block, US dollars with 8 decimals, rounded down."""
    price, decimals = read_at(
        chain, block, [(market.oracle, "getAssetPrice(address)(uint256)", token), (token, "decimals()(uint8)")]
    )
    return None if price is None else amount * price // 10**decimals
