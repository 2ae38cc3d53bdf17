"""The tokens of the sandbox: a wrapped native one that is real, and others with the decimals found in the wild."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from keeper.sandbox.artifact import Artifact
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.feeds import DOLLAR, Feed, deploy_feed
from keeper.sandbox.packages import Packages
from keeper.types import Address
from keeper.units import MAX_UINT256

NATIVE: Final = "WETH"


@dataclass(frozen=True, slots=True)
class Listing:
    """How a lending market lists an asset; the parameters are in the range of the large Aave markets."""

    symbol: str
    decimals: int
    price: int
    """US dollars with 8 decimals."""
    ltv_bps: int
    threshold_bps: int
    bonus_bps: int
    """The whole the liquidator receives, 10_500 for 5 % on top."""
    emode: int
    """The eMode category it belongs to, 0 for none."""
    stable: bool = False


LISTINGS: Final = (
    Listing(NATIVE, 18, 3_000 * DOLLAR, 8_050, 8_300, 10_500, emode=1),
    Listing("wstETH", 18, 3_500 * DOLLAR, 7_850, 8_100, 10_600, emode=1),
    Listing("WBTC", 8, 60_000 * DOLLAR, 7_300, 7_800, 10_500, emode=0),
    Listing("LINK", 18, 15 * DOLLAR, 6_600, 7_100, 10_700, emode=0),
    Listing("USDC", 6, DOLLAR, 7_700, 8_000, 10_450, emode=2, stable=True),
    Listing("DAI", 18, DOLLAR, 6_300, 7_700, 10_500, emode=2, stable=True),
    Listing("GUSD", 2, DOLLAR, 6_000, 7_000, 10_800, emode=2, stable=True),
)


@dataclass(frozen=True, slots=True)
class Asset:
    """A token on the local chain with its price feed."""

    listing: Listing
    token: Address
    feed: Feed

    def units(self, whole: float) -> int:
        """Return so many whole tokens in base units; the scene may be set in round numbers."""
        return int(whole * 10**self.listing.decimals)

    def worth(self, dollars: float) -> int:
        """Return base units worth so many dollars at the listing's price."""
        return int(dollars * DOLLAR * 10**self.listing.decimals / self.listing.price)


def deploy_assets(chain: LocalChain, packages: Packages, own: Mapping[str, Artifact]) -> dict[str, Asset]:
    """Deploy every listed token and its feed; by symbol."""
    assets = {}

    for listing in LISTINGS:
        if listing.symbol == NATIVE:
            token = chain.deploy(packages.artifact("@aave/core-v3", "WETH9"))
        else:
            token = chain.deploy(own["SandboxToken"], listing.symbol, listing.symbol, listing.decimals)

        feed = deploy_feed(chain, own, f"{listing.symbol} / USD", listing.price)
        assets[listing.symbol] = Asset(listing, token, feed)

    return assets


def fund(chain: LocalChain, asset: Asset, account: Address, amount: int) -> None:
    """Give an account tokens, and enough of the native token to pay for gas."""
    native_wei = int(chain.node.rpc("eth_getBalance", f"0x{account.hex()}", "latest"), 16)
    wrapped = amount if asset.listing.symbol == NATIVE else 0
    chain.set_balance(account, native_wei + wrapped + 10**18)

    if wrapped:
        chain.send(asset.token, "deposit()", sender=account, value_wei=wrapped)
    else:
        chain.send(asset.token, "mint(address,uint256)", account, amount)


def approve(chain: LocalChain, asset: Asset, owner: Address, spender: Address, amount: int = MAX_UINT256) -> None:
    """Let a spender take the owner's tokens."""
    chain.send(asset.token, "approve(address,uint256)", spender, amount, sender=owner)


def balance(chain: LocalChain, asset: Asset, account: Address) -> int:
    """Read an account's tokens."""
    return int(chain.call(asset.token, "balanceOf(address)(uint256)", account))
