"""What an executor must be allowed to call for this adapter: the pool, and approvals of what may be owed."""

from collections.abc import Sequence

from keeper.protocols.aave_v3 import abi
from keeper.protocols.aave_v3.market import AaveV3Market
from keeper.protocols.calls import Permission
from keeper.protocols.words import selector


def permissions(market: AaveV3Market) -> Sequence[Permission]:
    """List the pool's two entries and the approval of every asset that may be owed."""
    entries = [Permission(market.pool, selector(entry)) for entry in (abi.LIQUIDATION_CALL, abi.FLASH_LOAN_SIMPLE)]
    assets = dict.fromkeys(reserve.asset for reserve in market.reserves)
    return [*entries, *(Permission(asset, selector(abi.APPROVE), market.pool) for asset in assets)]
