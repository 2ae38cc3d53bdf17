"""dYdX Perpetual V1's twins on the sandbox's tokens and feeds, and what traders do with them."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from keeper.sandbox.artifact import encode_values
from keeper.sandbox.assets import Asset
from keeper.sandbox.chain import LocalChain, Transaction
from keeper.sandbox.compiler import compile_own
from keeper.sandbox.feeds import FEED_DECIMALS
from keeper.sandbox.packages import Packages
from keeper.types import Address
from keeper.units import WAD

FOLDER: Final = "twins/dydx"
MIN_COLLATERAL: Final = 1_075 * WAD // 1_000
INSURANCE_FEE: Final = 2 * WAD // 10
POSITION_DECIMALS: Final = 8
"""Of the position's base unit, whatever the token's are."""
WAD_DECIMALS: Final = 18


@dataclass(frozen=True, slots=True)
class DydxPerpetual:
    """The addresses of one deployment; margin is in base units of `margin`, positions in units of `indexed`."""

    perpetual: Address
    liquidation: Address
    proxy: Address
    """For liquidators who are no global operators."""
    deleveraging: Address
    oracle: Address
    """Answers the perpetual alone."""
    funder: Address
    matcher: Address
    insurance_fund: Address
    margin: Asset
    indexed: Asset


class Agreed(NamedTuple):
    """A position that changes hands: what the buyer pays and gets, base units."""

    buyer: Address
    seller: Address
    margin: int
    position: int


def deploy_dydx_perpetual(
    chain: LocalChain, packages: Packages, margin: Asset, indexed: Asset, insurance_fund: Address
) -> DydxPerpetual:
    """Deploy a perpetual that follows the indexed asset's feed, in a margin token worth a dollar.

    Whoever deploys is admin and the funding rate's provider, and matches trades.
    """
    twins = compile_own(packages, FOLDER)
    perpetual = chain.deploy(twins["TwinPerpetualV1"])
    # From a feed's dollars to margin units per unit of position, both times 1e18.
    exponent = WAD_DECIMALS + margin.listing.decimals + WAD_DECIMALS - FEED_DECIMALS - POSITION_DECIMALS
    oracle = chain.deploy(twins["TwinP1ChainlinkOracle"], indexed.feed.proxy, perpetual, exponent)
    funder = chain.deploy(twins["TwinP1FundingOracle"], chain.account)
    liquidation = chain.deploy(twins["TwinP1Liquidation"], perpetual)
    proxy = chain.deploy(twins["TwinP1LiquidatorProxy"], perpetual, liquidation, insurance_fund, INSURANCE_FEE)
    deleveraging = chain.deploy(twins["TwinP1Deleveraging"], perpetual, chain.account)
    matcher = chain.deploy(twins["TwinP1Matcher"])
    initialize = "initializeV1(address,address,address,uint256)"
    chain.send(perpetual, initialize, margin.token, oracle, funder, MIN_COLLATERAL)
    chain.send(proxy, "approveMaximumOnPerpetual()")

    for operator in (liquidation, proxy, deleveraging, matcher):
        chain.send(perpetual, "setGlobalOperator(address,bool)", operator, True)

    return DydxPerpetual(
        perpetual, liquidation, proxy, deleveraging, oracle, funder, matcher, insurance_fund, margin, indexed
    )


def price(chain: LocalChain, dydx: DydxPerpetual, block: int | None = None) -> int:
    """Read the oracle's price, now or after a block: margin units per unit of position, times 1e18."""
    asked = chain.transaction(dydx.oracle, "getPrice()", sender=dydx.perpetual).fields()
    return int(chain.node.rpc("eth_call", asked, "latest" if block is None else hex(block)), 16)


def depositing(chain: LocalChain, dydx: DydxPerpetual, account: Address, amount: int) -> Transaction:
    """Write down that an account deposits margin it has approved."""
    return chain.transaction(dydx.perpetual, "deposit(address,uint256)", account, amount, sender=account)


def trading(chain: LocalChain, dydx: DydxPerpetual, agreed: Agreed) -> Transaction:
    """Write down that two accounts trade; both must be collateralized afterwards."""
    accounts = sorted((agreed.buyer, agreed.seller))
    places = accounts.index(agreed.buyer), accounts.index(agreed.seller)
    data = encode_values(("uint256", "uint256", "bool"), (agreed.margin, agreed.position, True))
    return chain.transaction(dydx.perpetual, TRADE, accounts, [(*places, dydx.matcher, data)])


TRADE: Final = "trade(address[],(uint256,uint256,address,bytes)[])"


def set_funding_rate(chain: LocalChain, dydx: DydxPerpetual, rate: int) -> None:
    """Set the funding rate per second times 1e18, signed, as near as its bounds allow; longs pay a positive one."""
    chain.send(dydx.funder, "setFundingRate((uint256,bool))", (abs(rate), rate >= 0))


BALANCE: Final = "getAccountBalance(address)((bool,bool,uint120,uint120))"


def signed(balance: tuple[bool, bool, int, int]) -> tuple[int, int]:
    """Turn a balance's signs and magnitudes into numbers."""
    margin_is_positive, position_is_positive, margin, position = balance
    return margin if margin_is_positive else -margin, position if position_is_positive else -position
