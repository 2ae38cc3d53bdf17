"""What both versions of Aave V3 have in common once deployed: the addresses, and what a user does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from keeper.sandbox.assets import Asset, approve, fund
from keeper.sandbox.chain import LocalChain
from keeper.types import ZERO_ADDRESS, Address
from keeper.units import MAX_UINT256

VARIABLE_RATE: Final = 2
FLASH_PREMIUM_BPS: Final = 5
RESERVE_FACTOR_BPS: Final = 1_000
PROTOCOL_FEE_BPS: Final = 1_000
"""The treasury's share of the liquidation bonus."""
BASE_UNIT: Final = 10**8
"""One dollar in the oracle's base currency."""
TREASURY: Final = Address(bytes.fromhex("7e" * 20))


@dataclass(frozen=True, slots=True)
class EMode:
    """An efficiency mode's parameters."""

    category: int
    ltv_bps: int
    threshold_bps: int
    bonus_bps: int
    label: str


EMODES: Final = (
    EMode(1, 9_000, 9_300, 10_200, "ETH correlated"),
    EMode(2, 9_300, 9_500, 10_100, "Stablecoins"),
)


@dataclass(frozen=True, slots=True)
class Reserve:
    """One listed asset's tokens; 3.6 has no stable debt and leaves that address zero."""

    asset: Address
    a_token: Address
    variable_debt_token: Address
    stable_debt_token: Address = ZERO_ADDRESS


@dataclass(frozen=True, slots=True)
class AaveV3:
    """The addresses of one deployment; those its version does not have are zero."""

    version: str
    addresses_provider: Address
    pool: Address
    configurator: Address
    oracle: Address
    acl_manager: Address
    data_provider: Address
    reserves: Mapping[str, Reserve]
    """By symbol."""
    libraries: Mapping[str, Address]
    liquidation_data_provider: Address = ZERO_ADDRESS
    ui_pool_data_provider: Address = ZERO_ADDRESS


class AccountData(NamedTuple):
    """What the pool says about an account; values in base currency, 8 decimals."""

    collateral_base: int
    debt_base: int
    available_borrows_base: int
    threshold_bps: int
    ltv_bps: int
    health_factor_wad: int


def supply(chain: LocalChain, aave: AaveV3, asset: Asset, user: Address, amount: int) -> None:
    """Give the user the tokens and have them supplied, usable as collateral."""
    fund(chain, asset, user, amount)
    approve(chain, asset, user, aave.pool)
    chain.send(aave.pool, "supply(address,uint256,address,uint16)", asset.token, amount, user, 0, sender=user)


def borrow(chain: LocalChain, aave: AaveV3, asset: Asset, user: Address, amount: int) -> None:
    """Borrow at the variable rate."""
    chain.send(
        aave.pool,
        "borrow(address,uint256,uint256,uint16,address)",
        asset.token,
        amount,
        VARIABLE_RATE,
        0,
        user,
        sender=user,
    )


def set_user_emode(chain: LocalChain, aave: AaveV3, user: Address, category: int) -> None:
    """Put the user into an efficiency mode."""
    chain.send(aave.pool, "setUserEMode(uint8)", category, sender=user)


def account_data(chain: LocalChain, aave: AaveV3, user: Address) -> AccountData:
    """Read the pool's own view of an account."""
    results = "(uint256,uint256,uint256,uint256,uint256,uint256)"
    return AccountData(*chain.call(aave.pool, f"getUserAccountData(address){results}", user))


def liquidate(  # noqa: PLR0913  # the protocol's own arguments
    chain: LocalChain, aave: AaveV3, user: Address, collateral: Asset, debt: Asset, *, liquidator: Address
) -> Mapping[str, Any]:
    """Liquidate as much as the pool allows, paying with tokens the liquidator has; returns the receipt."""
    approve(chain, debt, liquidator, aave.pool)
    return chain.send(
        aave.pool,
        "liquidationCall(address,address,address,uint256,bool)",
        collateral.token,
        debt.token,
        user,
        MAX_UINT256,
        False,
        sender=liquidator,
    )


def read_reserve(chain: LocalChain, data_provider: Address, asset: Address) -> Reserve:
    """Read the addresses of a listed asset's tokens."""
    a_token, stable, variable = chain.call(
        data_provider, "getReserveTokensAddresses(address)(address,address,address)", asset
    )
    return Reserve(asset, a_token, variable, stable)


def configure_reserve(chain: LocalChain, configurator: Address, asset: Asset) -> None:
    """Make a listed asset collateral, borrowable and available for flash loans."""
    listing = asset.listing
    chain.send(
        configurator,
        "configureReserveAsCollateral(address,uint256,uint256,uint256)",
        asset.token,
        listing.ltv_bps,
        listing.threshold_bps,
        listing.bonus_bps,
    )
    chain.send(configurator, "setReserveBorrowing(address,bool)", asset.token, True)
    chain.send(configurator, "setReserveFlashLoaning(address,bool)", asset.token, True)
    chain.send(configurator, "setReserveFactor(address,uint256)", asset.token, RESERVE_FACTOR_BPS)
    chain.send(configurator, "setLiquidationProtocolFee(address,uint256)", asset.token, PROTOCOL_FEE_BPS)
