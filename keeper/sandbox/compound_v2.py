"""Venus's core pool 2.2.1, from the compiled contracts its authors publish: the fork of Compound V2 a registry has.

Its first oracle reads feeds by symbol, as those of most forks do. What it asks of a governance contract (may this
account do that?) is answered yes by the ten bytes below.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from keeper.sandbox.artifact import Artifact
from keeper.sandbox.assets import Asset, approve, fund
from keeper.sandbox.chain import LocalChain, Transaction
from keeper.sandbox.node import to_address
from keeper.sandbox.packages import Packages, SandboxError
from keeper.types import Address
from keeper.units import BPS, MAX_UINT256, WAD

PACKAGE: Final = "@venusprotocol/venus-protocol"
TREASURY: Final = Address(bytes.fromhex("7e" * 20))
YES: Final = bytes.fromhex("600a600c600039600a6000f3600160005260206000f3")
"""Creation code of a contract that answers every call with one."""
CLOSE_FACTOR: Final = WAD // 2
INCENTIVE: Final = 108 * WAD // 100
CTOKEN_DECIMALS: Final = 8
RATES: Final = (0, 5 * WAD // 100, WAD, 80 * WAD // 100)
"""Base rate, multiplier and jump multiplier a year, and the kink."""
NEVER_STALE_S: Final = 10 * 365 * 86_400
RESERVE_FACTOR: Final = WAD // 10


@dataclass(frozen=True, slots=True)
class CompoundV2:
    """The addresses of one deployment."""

    comptroller: Address
    oracle: Address
    markets: Mapping[str, Address]
    """The cToken of each asset, by symbol."""
    native_market: Address | None = None
    """The cToken of the native asset itself."""
    liquidator: Address | None = None
    """Who alone may liquidate."""


def deploy_compound_v2(chain: LocalChain, packages: Packages, assets: Mapping[str, Asset]) -> CompoundV2:
    """Deploy a comptroller that lists the assets, each as collateral and borrowable."""
    comptroller = _deploy_comptroller(chain, packages)
    oracle = chain.deploy(_artifact(packages, "VenusChainlinkOracle"), NEVER_STALE_S)
    chain.send(comptroller, "_setPriceOracle(address)", oracle)
    chain.send(comptroller, "_setCloseFactor(uint256)", CLOSE_FACTOR)
    chain.send(comptroller, "_setLiquidationIncentive(uint256)", INCENTIVE)
    code = chain.deploy(_artifact(packages, "VBep20Delegate"))
    bare = CompoundV2(comptroller, oracle, {})
    model = _rate_model(chain, packages)
    markets = {}
    for symbol, asset in assets.items():
        arguments = (asset.token, comptroller, model, initial_rate(asset.listing.decimals))
        names = (f"Sandbox {symbol}", f"v{symbol}", CTOKEN_DECIMALS, chain.account)
        token = chain.deploy(_artifact(packages, "VBep20Delegator"), *arguments, *names, code, b"")
        chain.send(oracle, "setFeed(string,address)", symbol, asset.feed.proxy)
        _list(chain, bare, token, asset)
        markets[symbol] = token

    return CompoundV2(comptroller, oracle, markets)


def with_native_market(chain: LocalChain, packages: Packages, compound: CompoundV2, wrapped: Asset) -> CompoundV2:
    """Add a market of the native asset itself, under the one name the oracle knows it by."""
    arguments = (compound.comptroller, _rate_model(chain, packages), initial_rate(18))
    names = ("Sandbox native", "vBNB", CTOKEN_DECIMALS, chain.account)
    token = chain.deploy(_artifact(packages, "MockVBNB"), *arguments, *names)
    chain.send(compound.oracle, "setFeed(string,address)", "vBNB", wrapped.feed.proxy)
    _list(chain, compound, token, wrapped)
    return CompoundV2(compound.comptroller, compound.oracle, compound.markets, token, compound.liquidator)


def with_liquidator(
    chain: LocalChain, packages: Packages, compound: CompoundV2, *, percent_wad: int = WAD // 20
) -> CompoundV2:
    """Put the contract in front that alone may liquidate and keeps a share for the treasury."""
    if compound.native_market is None:
        raise SandboxError("the liquidator wants to know the native market: deploy that first")

    artifact = _artifact(packages, "Liquidator")
    liquidator = chain.deploy(artifact, compound.comptroller, compound.native_market, TREASURY)
    # It locks itself, to be used through a proxy; the lock is its first word.
    chain.node.rpc("anvil_setStorageAt", f"0x{liquidator.hex()}", "0x" + "0" * 64, "0x" + "0" * 64)
    chain.send(liquidator, "initialize(uint256)", percent_wad)
    chain.send(compound.comptroller, "_setLiquidatorContract(address)", liquidator)
    return CompoundV2(compound.comptroller, compound.oracle, compound.markets, compound.native_market, liquidator)


def initial_rate(decimals: int) -> int:
    """Fifty cTokens to a token, as everywhere."""
    return int(2 * WAD // 100 * 10**decimals // 10**CTOKEN_DECIMALS)  # down: exact for two decimals or more


def _artifact(packages: Packages, name: str) -> Artifact:
    return packages.artifact(PACKAGE, name)


def _deploy_comptroller(chain: LocalChain, packages: Packages) -> Address:
    unitroller = chain.deploy(_artifact(packages, "Unitroller"))
    code = chain.deploy(_artifact(packages, "Comptroller"))
    chain.send(unitroller, "_setPendingImplementation(address)", code)
    chain.send(code, "_become(address)", unitroller)
    lens = chain.deploy(_artifact(packages, "ComptrollerLens"))
    chain.send(unitroller, "_setComptrollerLens(address)", lens)
    access = to_address(chain.execute(Transaction(chain.account, None, YES))["contractAddress"])
    chain.send(unitroller, "_setAccessControl(address)", access)
    return unitroller


def _rate_model(chain: LocalChain, packages: Packages) -> Address:
    return chain.deploy(_artifact(packages, "JumpRateModel"), *RATES)


def _list(chain: LocalChain, compound: CompoundV2, token: Address, asset: Asset) -> None:
    comptroller = compound.comptroller
    chain.send(comptroller, "_supportMarket(address)", token)
    chain.send(comptroller, "_setMarketSupplyCaps(address[],uint256[])", [token], [MAX_UINT256])
    factor = asset.listing.threshold_bps * WAD // BPS
    chain.send(comptroller, "_setCollateralFactor(address,uint256)", token, factor)
    chain.send(token, "_setReserveFactor(uint256)", RESERVE_FACTOR)


# What a user does --------------------------------------------------------------------------------------------------


def mint(chain: LocalChain, compound: CompoundV2, asset: Asset, user: Address, amount: int) -> None:
    """Give the user the tokens, and have them supplied and used as collateral."""
    token = compound.markets[asset.listing.symbol]
    fund(chain, asset, user, amount)
    approve(chain, asset, user, token)
    chain.send(token, "mint(uint256)", amount, sender=user)
    enter(chain, compound, token, user)


def mint_native(chain: LocalChain, compound: CompoundV2, user: Address, amount_wei: int) -> None:
    """Give the user the native asset, and have it supplied and used as collateral."""
    token = compound.native_market
    if token is None:
        raise SandboxError("there is no market of the native asset")

    held = int(chain.node.rpc("eth_getBalance", f"0x{user.hex()}", "latest"), 16)
    chain.set_balance(user, held + amount_wei + WAD)
    chain.send(token, "mint()", sender=user, value_wei=amount_wei)
    enter(chain, compound, token, user)


def enter(chain: LocalChain, compound: CompoundV2, token: Address, user: Address) -> None:
    """Let a market's cTokens back the user's debts."""
    chain.send(compound.comptroller, "enterMarkets(address[])", [token], sender=user)


def borrow(chain: LocalChain, token: Address, user: Address, amount: int) -> None:
    """Borrow; the market refuses without a revert, so that is looked for."""
    receipt = chain.send(token, "borrow(uint256)", amount, sender=user)
    if not any(log["address"] == f"0x{token.hex()}" and log["topics"][0] == BORROWED for log in receipt["logs"]):
        raise SandboxError(f"the market refused to lend {amount}")


BORROWED: Final = "0x13ed6866d4e1ee6da46f845c46d7e54120883d75c5ea9a2dacc1c4ca8984ab80"


def liquidity(chain: LocalChain, compound: CompoundV2, user: Address) -> tuple[int, int]:
    """Read the comptroller's own view of an account as stored: what it may still borrow, what it lacks, in wad."""
    results = "(uint256,uint256,uint256)"
    error, spare, shortfall = chain.call(compound.comptroller, f"getAccountLiquidity(address){results}", user)
    if error:
        raise SandboxError(f"the comptroller cannot weigh the account: error {error}")

    return spare, shortfall
