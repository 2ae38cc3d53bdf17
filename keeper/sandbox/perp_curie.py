"""Perp v2 (Curie) 2.8.4, from the compiled contracts its authors publish: markets, and what traders and makers do.

Everything stands without proxies, initialised once. Only the settlement token and the price feeds are the sandbox's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isqrt
from typing import Final

from keeper.sandbox.assets import Asset, approve, fund
from keeper.sandbox.chain import LocalChain, Transaction
from keeper.sandbox.feeds import FEED_DECIMALS
from keeper.sandbox.packages import Packages
from keeper.sandbox.uniswap_v3 import CORE, FOREVER
from keeper.types import Address
from keeper.units import MAX_UINT256, WAD

CURIE: Final = "@perp/curie-contract"
ORACLE: Final = "@perp/perp-oracle-contract"
POOL_FEE: Final = 10_000
"""Of the pools of virtual tokens, in millionths: the protocol's own markets use 1 %."""
EXCHANGE_FEE: Final = 1_000
"""What a trader pays, in millionths; set per market."""
FEED_TIMEOUT_S: Final = 10**9
"""A feed of the sandbox never times out: scenes jump hours ahead."""
MAX_TICKS_A_BLOCK: Final = 1_000
"""As far as a market may let its price move within 15 s: about a tenth."""
WARM_UP_S: Final = 2_000
"""Before its first trade a market needs half an hour of observations."""
OBSERVATIONS: Final = 500
TRADE_GAS: Final = 3_000_000
INDIFFERENT: Final = 2_000
"""A market is left alone where its square-root price is off by less than one part in this many."""
Q96: Final = 1 << 96

OPEN_POSITION: Final = "openPosition((address,bool,bool,uint256,uint256,uint256,uint160,bytes32))"
ADD_LIQUIDITY: Final = "addLiquidity((address,uint256,uint256,int24,int24,uint256,uint256,bool,uint256))"
CLOSE_POSITION: Final = "closePosition((address,uint160,uint256,uint256,bytes32))"


@dataclass(frozen=True, slots=True)
class PerpMarket:
    """One base token with its pool and the contracts its index price comes from."""

    base: Address
    pool: Address
    dispatcher: Address
    chainlink: Address


@dataclass(frozen=True, slots=True)
class PerpCurie:
    """The addresses of one deployment, and its markets by symbol."""

    settlement: Asset
    factory: Address
    config: Address
    quote: Address
    insurance_fund: Address
    market_registry: Address
    order_book: Address
    exchange: Address
    account_balance: Address
    vault: Address
    clearing_house: Address
    collateral_manager: Address
    markets: Mapping[str, PerpMarket]


def deploy_perp_curie(chain: LocalChain, packages: Packages, settlement: Asset) -> PerpCurie:
    """Deploy and wire everything, without a market."""
    names = (
        "ClearingHouseConfig", "QuoteToken", "InsuranceFund", "MarketRegistry", "OrderBook", "Exchange",
        "AccountBalance", "Vault", "ClearingHouse", "CollateralManager",
    )  # fmt: skip
    made = [chain.deploy(packages.artifact(CURIE, name)) for name in names]
    config, quote, insurance, registry, book, exchange, accounts, vault, house, collateral = made
    factory = chain.deploy(packages.artifact(CORE, "UniswapV3Factory"))
    steps: tuple[tuple[Address, str, tuple[object, ...]], ...] = (
        (config, "initialize()", ()),
        (quote, "initialize(string,string)", ("vUSD", "vUSD")),
        (insurance, "initialize(address)", (settlement.token,)),
        (registry, "initialize(address,address)", (factory, quote)),
        (book, "initialize(address)", (registry,)),
        (exchange, "initialize(address,address,address)", (registry, book, config)),
        (accounts, "initialize(address,address)", (config, book)),
        (vault, "initialize(address,address,address,address)", (insurance, config, accounts, exchange)),
        (
            house,
            "initialize(address,address,address,address,address,address,address)",
            (config, vault, quote, factory, exchange, accounts, insurance),
        ),
        (
            collateral,
            "initialize(address,address,uint8,uint24,uint24,uint24,uint24,uint256,uint256)",
            (config, vault, 5, 700_000, 500_000, 2_000, 30_000, settlement.units(10_000), settlement.units(500)),
        ),
        (insurance, "setVault(address)", (vault,)),
        (book, "setClearingHouse(address)", (house,)),
        (book, "setExchange(address)", (exchange,)),
        (exchange, "setClearingHouse(address)", (house,)),
        (exchange, "setAccountBalance(address)", (accounts,)),
        (accounts, "setClearingHouse(address)", (house,)),
        (accounts, "setVault(address)", (vault,)),
        (vault, "setClearingHouse(address)", (house,)),
        (vault, "setCollateralManager(address)", (collateral,)),
        (registry, "setClearingHouse(address)", (house,)),
        (config, "setSettlementTokenBalanceCap(uint256)", (MAX_UINT256,)),
        (quote, "mintMaximumTo(address)", (house,)),
        (quote, "addWhitelist(address)", (house,)),
    )
    for contract, function, values in steps:
        chain.send(contract, function, *values)

    return PerpCurie(
        settlement, factory, config, quote, insurance, registry, book, exchange, accounts, vault, house, collateral, {}
    )


def add_market(chain: LocalChain, packages: Packages, perp: PerpCurie, asset: Asset, price: int) -> PerpCurie:
    """Open a market that follows an asset's feed, its pool at a price of 8 decimals; `warm_up` before trading."""
    window = chain.call(perp.config, "getMarkPriceConfig()(uint32,uint32)")[1]
    feed = packages.artifact(ORACLE, "ChainlinkPriceFeedV3")
    chainlink = chain.deploy(feed, asset.feed.proxy, FEED_TIMEOUT_S, window)
    dispatcher = chain.deploy(packages.artifact(ORACLE, "PriceFeedDispatcher"), chainlink)
    chain.send(dispatcher, "dispatchPrice(uint256)", 0)
    base = chain.deploy(packages.artifact(CURIE, "BaseToken"))
    while base >= perp.quote:  # the base must be the pool's token0
        base = chain.deploy(packages.artifact(CURIE, "BaseToken"))

    name = f"v{asset.listing.symbol}"
    chain.send(base, "initialize(string,string,address)", name, name, dispatcher)
    chain.send(base, "mintMaximumTo(address)", perp.clearing_house)
    chain.send(perp.factory, "createPool(address,address,uint24)", base, perp.quote, POOL_FEE)
    pool = chain.call(perp.factory, "getPool(address,address,uint24)(address)", base, perp.quote, POOL_FEE)
    chain.send(pool, "initialize(uint160)", isqrt((price << 192) // 10**FEED_DECIMALS))
    chain.send(pool, "increaseObservationCardinalityNext(uint16)", OBSERVATIONS)
    for token, account in ((base, perp.clearing_house), (base, pool), (perp.quote, pool)):
        chain.send(token, "addWhitelist(address)", account)

    chain.send(perp.market_registry, "addPool(address,uint24)", base, POOL_FEE)
    chain.send(perp.market_registry, "setFeeRatio(address,uint24)", base, EXCHANGE_FEE)
    chain.send(perp.exchange, "setMaxTickCrossedWithinBlock(address,uint24)", base, MAX_TICKS_A_BLOCK)
    markets = {**perp.markets, asset.listing.symbol: PerpMarket(base, pool, dispatcher, chainlink)}
    return replace(perp, markets=markets)


def set_windows(chain: LocalChain, perp: PerpCurie, seconds: int) -> None:
    """Make every mean price one over so many seconds; before the first market is added."""
    for setter in ("setTwapInterval", "setMarkPriceMarketTwapInterval", "setMarkPricePremiumInterval"):
        chain.send(perp.config, f"{setter}(uint32)", seconds)


def warm_up(chain: LocalChain, perp: PerpCurie, seconds: int = WARM_UP_S) -> None:
    """Let time pass until every market has the observations its first trade reads."""
    chain.mine(interval_s=seconds)
    for market in perp.markets.values():
        dispatch_price(chain, market)


def dispatch_price(chain: LocalChain, market: PerpMarket) -> None:
    """Have the index price taken over from its feed; anybody may."""
    chain.send(market.dispatcher, "dispatchPrice(uint256)", 0)


# What users do --------------------------------------------------------------------------------------------------------


def deposit(chain: LocalChain, perp: PerpCurie, trader: Address, amount: int) -> None:
    """Give a trader the settlement token and have it deposited."""
    fund(chain, perp.settlement, trader, amount)
    approve(chain, perp.settlement, trader, perp.vault)
    chain.send(perp.vault, "deposit(address,uint256)", perp.settlement.token, amount, sender=trader)


def trade(chain: LocalChain, perp: PerpCurie, market: PerpMarket, trader: Address, base_amount: int) -> Transaction:
    """Write down a trade of so much of the base token: bought, or sold where negative."""
    sells = base_amount < 0
    order = (market.base, sells, sells, abs(base_amount), 0, FOREVER, 0, bytes(32))
    return chain.transaction(perp.clearing_house, OPEN_POSITION, order, sender=trader)


def trade_to(chain: LocalChain, perp: PerpCurie, market: PerpMarket, trader: Address, price: int) -> list[Transaction]:
    """Write down the trade that moves a market to a price of 8 decimals, or as far as one block may; none if near."""
    now = chain.call(market.pool, "slot0()(uint160,int24,uint16,uint16,uint16,uint8,bool)")[0]
    wanted = isqrt((price << 192) // 10**FEED_DECIMALS)
    if abs(wanted - now) * INDIFFERENT < now:
        return []

    # A thousand ticks are 5 % of the square-root price; a little less, since the tick it counts from may be older.
    limit = min(max(wanted, now * 957 // 1_000), now * 1_044 // 1_000)
    sells = limit < now
    depth = int(chain.call(market.pool, "liquidity()(uint128)"))
    # More than the way there takes of either token.
    amount = 2 * (depth * Q96 // limit - depth * Q96 // now if sells else depth * (limit - now) // Q96)
    order = (market.base, sells, True, amount, 0, FOREVER, limit, bytes(32))
    return [chain.transaction(perp.clearing_house, OPEN_POSITION, order, sender=trader, gas=TRADE_GAS)]


def open_position(chain: LocalChain, perp: PerpCurie, market: PerpMarket, trader: Address, base_amount: int) -> None:
    """Buy so much of the base token, or sell it where negative."""
    chain.execute(trade(chain, perp, market, trader, base_amount))


def add_liquidity(
    chain: LocalChain, perp: PerpCurie, maker: Address, market: PerpMarket, order: tuple[int, int, int, int]
) -> None:
    """Place a maker's order: base and quote amounts at most, lower and upper tick."""
    base, quote, lower, upper = order
    params = (market.base, base, quote, lower, upper, 0, 0, False, FOREVER)
    chain.send(perp.clearing_house, ADD_LIQUIDITY, params, sender=maker)


def account_value(chain: LocalChain, perp: PerpCurie, trader: Address) -> int:
    """Read what an account is worth, US dollars times 10**18."""
    return int(chain.call(perp.clearing_house, "getAccountValue(address)(int256)", trader))


def health(chain: LocalChain, perp: PerpCurie, trader: Address) -> int | None:
    """Read account value over what is required, in wad; None for an account without a position."""
    required = int(chain.call(perp.account_balance, "getMarginRequirementForLiquidation(address)(int256)", trader))
    return account_value(chain, perp, trader) * WAD // required if required else None
