"""INTERIM until `keeper executor deploy` exists: the executor compiled from source and wired directly."""

from keeper.execution.allowlist import (
    UNISWAP_V3_INIT_CODE_HASH,
    Allowlist,
    Factory,
    Kind,
    Listing,
    Rule,
    encode_configure,
)
from keeper.sandbox.artifact import signature
from keeper.sandbox.chain import LocalChain, Transaction
from keeper.sandbox.compiler import compile_own
from keeper.sandbox.packages import find_packages
from keeper.sandbox.world import World
from keeper.types import ZERO_ADDRESS, Address

LIQUIDATION_CALL = signature("liquidationCall(address,address,address,uint256,bool)")
FLASH_LOAN = signature("flashLoanSimple(address,address,uint256,bytes,uint16)")


def deploy_executor(chain: LocalChain, world: World, operator: Address, treasury: Address) -> Address:
    """Deploy and wire for Aave V3.6 and Uniswap V3."""
    artifact = compile_own(find_packages(), "src")["Executor"]
    executor = chain.deploy(
        artifact, chain.account, chain.account, treasury, world.assets["WETH"].token, ZERO_ADDRESS, [operator]
    )
    pool = world.aave36.pool
    allowlist = Allowlist(
        rules=(
            Rule(pool, FLASH_LOAN.selector, Kind.CALL, pool),
            Rule(pool, LIQUIDATION_CALL.selector, Kind.CALL, pool),
        ),
        listings=tuple(Listing(asset.token) for asset in world.assets.values()),
        factories=(Factory(world.uniswap.factory, UNISWAP_V3_INIT_CODE_HASH),),
    )
    chain.execute(Transaction(chain.account, executor, encode_configure(allowlist)))
    return executor
