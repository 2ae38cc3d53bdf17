"""An executor on the sandbox's chain, wired for its Aave and Uniswap, and a borrower to liquidate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keeper.execution.allowlist import (
    UNISWAP_V3_INIT_CODE_HASH,
    Allowlist,
    Factory,
    Kind,
    Listing,
    Rule,
    encode_configure,
)
from keeper.execution.artifact import ExecutorParams, executor_creation_code
from keeper.execution.calldata import encode_execute
from keeper.execution.operations import Call, Header, Op, PoolId, Require, Watch, gain_of
from keeper.execution.recipes import Loan, V3Swap, flash_aave_v3, v3_swap
from keeper.sandbox.aave import borrow, supply
from keeper.sandbox.artifact import signature
from keeper.sandbox.chain import LocalChain, Transaction
from keeper.sandbox.feeds import DOLLAR, set_price
from keeper.types import Address
from keeper.units import MAX_UINT256, WAD, bps_up

TREASURY = Address(bytes.fromhex("77" * 20))
FOREVER = 2**40 - 1
LIQUIDATION_CALL = signature("liquidationCall(address,address,address,uint256,bool)")
FLASH_LOAN = signature("flashLoanSimple(address,address,uint256,bytes,uint16)")
USDC_WHOLE = 10**6


@dataclass(frozen=True, slots=True)
class Wired:
    """A deployed executor; account 0 owns it, account 5 operates it."""

    chain: LocalChain
    executor: Address
    operator: Address
    factory: Address

    def run(self, header: Header, ops: Sequence[Op], *, sender: Address | None = None) -> Mapping[str, Any]:
        """Run a program and return its receipt; a revert raises with its data."""
        data = encode_execute(header, ops)
        return self.chain.execute(Transaction(sender or self.operator, self.executor, data))


def wire(scene) -> Wired:
    """Deploy what ships, and list what a liquidation on the scene's market needs."""
    chain, world = scene.chain, scene.world
    operator = chain.accounts[5]
    params = ExecutorParams(chain.account, chain.account, TREASURY, world.assets["WETH"].token, (operator,))
    receipt = chain.execute(Transaction(chain.account, None, executor_creation_code(params)))
    executor = Address(bytes.fromhex(receipt["contractAddress"][2:]))
    pool = scene.aave.pool
    allowlist = Allowlist(
        rules=(
            Rule(pool, FLASH_LOAN.selector, Kind.CALL, pool),
            Rule(pool, LIQUIDATION_CALL.selector, Kind.CALL, pool),
        ),
        listings=tuple(Listing(asset.token) for asset in world.assets.values()),
        factories=(Factory(world.uniswap.factory, UNISWAP_V3_INIT_CODE_HASH),),
    )
    chain.execute(Transaction(chain.account, executor, encode_configure(allowlist)))
    return Wired(chain, executor, operator, world.uniswap.factory)


@dataclass(frozen=True, slots=True)
class Target:
    """A position that can be liquidated: what to pass as debtToCover, and the most that takes."""

    user: Address
    cover: int
    at_most: int


def make_half_liquidatable(scene, user: Address) -> Target:
    """10 WETH against 22,000 USDC, then a fall to 2,600: health 0.9809, so half may be repaid, to the unit."""
    _open_position(scene, user, 2_600)
    return Target(user, 10_500 * USDC_WHOLE, 10_500 * USDC_WHOLE)


def make_fully_liquidatable(scene, user: Address) -> Target:
    """The same after a fall to 2,500: health 0.9432, so all may be repaid, with what interest it gathers until then."""
    _open_position(scene, user, 2_500)
    return Target(user, MAX_UINT256, 22_001 * USDC_WHOLE)


def _open_position(scene, user: Address, price: int) -> None:
    weth, usdc = scene.asset("WETH"), scene.asset("USDC")
    supply(scene.chain, scene.aave, weth, user, 10 * WAD)
    borrow(scene.chain, scene.aave, usdc, user, 22_000 * USDC_WHOLE)
    set_price(scene.chain, weth.feed, price * DOLLAR)


def require_unhealthy(scene, user: Address) -> Require:
    """The pool's own health factor, word 5, must be below one."""
    data = signature("getUserAccountData(address)").encode(user)
    return Require(scene.aave.pool, data, 5, WAD)


def require_debt(scene, user: Address, at_least: int) -> Require:
    """The cheapest sign that nobody was first: the borrower's scaled debt, one slot behind one proxy."""
    debt_token = scene.aave.reserves["USDC"].variable_debt_token
    return Require(debt_token, signature("scaledBalanceOf(address)").encode(user), 0, at_least, at_least=True)


def pool_id(scene, name: str) -> PoolId:
    pool = scene.world.uniswap.pools[name]
    return PoolId(scene.world.uniswap.factory, pool.token0, pool.token1, pool.fee)


def sell_all(scene, wired: Wired, name: str, symbol: str, may_pay: int, *, by_id: bool = True) -> Call:
    """Swap all that was gained of a token on one of the sandbox's pools."""
    pool, token = scene.world.uniswap.pools[name], scene.asset(symbol).token
    target = pool_id(scene, name) if by_id else pool.address
    return v3_swap(wired.executor, V3Swap(target, token, token == pool.token0, gain_of(token), may_pay))


def liquidation_call(scene, target: Target) -> Call:
    weth, usdc = scene.asset("WETH").token, scene.asset("USDC").token
    return Call(scene.aave.pool, LIQUIDATION_CALL.encode(weth, usdc, target.user, target.cover, False))


def loan_for(scene, target: Target) -> Loan:
    return Loan(scene.aave.pool, scene.asset("USDC").token, target.at_most, bps_up(target.at_most, 5))


def flash_route(scene, wired: Wired, target: Target, *, by_id: bool = True) -> tuple[Op, ...]:
    """Flash loan, liquidation, one swap: the common route."""
    loan = loan_for(scene, target)
    sale = sell_all(scene, wired, "WETH/USDC/500", "WETH", 10 * WAD, by_id=by_id)
    inner = (liquidation_call(scene, target), sale)
    return (
        Watch(scene.asset("WETH").token),
        flash_aave_v3(wired.executor, loan, inner, spends=loan.amount),
    )


def header(scene, **changes) -> Header:
    values = {"deadline": FOREVER, "profit_token": scene.asset("USDC").token, "min_profit": 1, **changes}
    return Header(**values)
