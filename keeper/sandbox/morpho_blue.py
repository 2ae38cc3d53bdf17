"""Morpho Blue 1.0.0, compiled from the sources its authors publish, with a market per pair and what a user does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from eth_hash.auto import keccak

from keeper.sandbox.artifact import Artifact
from keeper.sandbox.assets import Asset, approve, fund
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.compiler import SOLC_0_8_19, compile_package
from keeper.sandbox.packages import Packages
from keeper.types import Address
from keeper.units import WAD

SOURCES: Final = "@morpho-org/morpho-blue/src/"
FILES: Final = ("Morpho", "mocks/IrmMock", "mocks/OracleMock")
PARAMS: Final = "(address,address,address,address,uint256)"
LLTVS_WAD: Final = (385 * WAD // 1_000, 77 * WAD // 100, 86 * WAD // 100, 945 * WAD // 1_000)
"""Liquidation thresholds the sandbox's owner enables, among those of the main network."""
SCALE_DECIMALS: Final = 36


@dataclass(frozen=True, slots=True)
class LoanMarket:
    """One isolated market."""

    loan: Asset
    collateral: Asset
    oracle: Address
    irm: Address
    lltv_wad: int

    @property
    def params(self) -> tuple[Address, Address, Address, Address, int]:
        """MarketParams, in the contract's order."""
        return self.loan.token, self.collateral.token, self.oracle, self.irm, self.lltv_wad


@dataclass(frozen=True, slots=True)
class MorphoBlue:
    """The addresses of one deployment."""

    morpho: Address
    irm: Address
    """The mock its authors test with: a yearly rate equal to the utilization."""


def compile_morpho_blue(packages: Packages) -> Mapping[str, Artifact]:
    """Compile the deployment's contracts; about 2 s the first time, then from the cache."""
    return compile_package(packages, SOURCES, FILES, SOLC_0_8_19)


def deploy_morpho_blue(chain: LocalChain, contracts: Mapping[str, Artifact]) -> MorphoBlue:
    """Deploy Morpho with its rate model and thresholds, and no market."""
    morpho = chain.deploy(contracts["Morpho"], chain.account)
    irm = chain.deploy(contracts["IrmMock"])
    chain.send(morpho, "enableIrm(address)", irm)

    for lltv in LLTVS_WAD:
        chain.send(morpho, "enableLltv(uint256)", lltv)

    return MorphoBlue(morpho, irm)


def deploy_pair_oracle(chain: LocalChain, own: Mapping[str, Artifact], collateral: Asset, loan: Asset) -> Address:
    """Deploy an oracle that follows the two assets' feeds."""
    scale = 10 ** (SCALE_DECIMALS + loan.listing.decimals - collateral.listing.decimals)
    return chain.deploy(own["SandboxPairOracle"], collateral.feed.proxy, loan.feed.proxy, scale)


def create_market(chain: LocalChain, morpho: MorphoBlue, market: LoanMarket) -> None:
    """Create a market; anybody may."""
    chain.send(morpho.morpho, f"createMarket({PARAMS})", market.params)


def market_id(market: LoanMarket) -> bytes:
    """Name a market as Morpho does: by the hash of its parameters."""
    words = [address.rjust(32, b"\0") for address in market.params[:4]] + [market.lltv_wad.to_bytes(32, "big")]
    return keccak(b"".join(words))


def lend(chain: LocalChain, morpho: MorphoBlue, market: LoanMarket, lender: Address, amount: int) -> None:
    """Give the lender the tokens and have them supplied."""
    fund(chain, market.loan, lender, amount)
    approve(chain, market.loan, lender, morpho.morpho)
    function = f"supply({PARAMS},uint256,uint256,address,bytes)"
    chain.send(morpho.morpho, function, market.params, amount, 0, lender, b"", sender=lender)


def pledge(chain: LocalChain, morpho: MorphoBlue, market: LoanMarket, borrower: Address, amount: int) -> None:
    """Give the borrower collateral and have it supplied."""
    fund(chain, market.collateral, borrower, amount)
    approve(chain, market.collateral, borrower, morpho.morpho)
    function = f"supplyCollateral({PARAMS},uint256,address,bytes)"
    chain.send(morpho.morpho, function, market.params, amount, borrower, b"", sender=borrower)


def borrow(chain: LocalChain, morpho: MorphoBlue, market: LoanMarket, borrower: Address, amount: int) -> None:
    """Borrow the loan token."""
    function = f"borrow({PARAMS},uint256,uint256,address,address)"
    chain.send(morpho.morpho, function, market.params, amount, 0, borrower, borrower, sender=borrower)


def create_markets(
    chain: LocalChain, morpho: MorphoBlue, own: Mapping[str, Artifact], pairs: Sequence[tuple[Asset, Asset, int]]
) -> list[LoanMarket]:
    """Create a market for each (collateral, loan, threshold), priced by the assets' own feeds."""
    markets = []

    for collateral, loan, lltv in pairs:
        oracle = deploy_pair_oracle(chain, own, collateral, loan)
        markets.append(LoanMarket(loan, collateral, oracle, morpho.irm, lltv))
        create_market(chain, morpho, markets[-1])

    return markets
