"""INTERIM until `keeper executor deploy` exists: the executor compiled from source and wired directly."""

from keeper.config.model import KeeperConfig
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
from keeper.types import ZERO_ADDRESS, Address
from keeper.units import WAD

LIQUIDATION_CALL = signature("liquidationCall(address,address,address,uint256,bool)")
FLASH_LOAN = signature("flashLoanSimple(address,address,uint256,bytes,uint16)")


def deploy_executor(chain: LocalChain, config: KeeperConfig, operator: Address, treasury: Address) -> Address:
    """Deploy and wire for Aave V3.6 and Uniswap V3."""
    chain.set_balance(chain.account, 1_000 * WAD)
    artifact = compile_own(find_packages(), "src")["Executor"]
    executor = chain.deploy(
        artifact, chain.account, chain.account, treasury, config.chain.wrapped_native, ZERO_ADDRESS, [operator]
    )
    pools = [chain.call(each.addresses_provider, "getPool()(address)") for each in config.deployments]
    reserves = [token for pool in pools for token in chain.call(pool, "getReservesList()(address[])")]
    allowlist = Allowlist(
        rules=tuple(
            Rule(pool, call.selector, Kind.CALL, pool) for pool in pools for call in (FLASH_LOAN, LIQUIDATION_CALL)
        ),
        listings=tuple(Listing(token) for token in dict.fromkeys([*reserves, *config.assets.trusted])),
        factories=tuple(Factory(venue.factory, UNISWAP_V3_INIT_CODE_HASH) for venue in config.venues),
    )
    chain.execute(Transaction(chain.account, executor, encode_configure(allowlist)))
    return executor
