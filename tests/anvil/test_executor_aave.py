"""Whole liquidations on real Aave V3.6 and Uniswap V3, through the executor that ships."""

import pytest
from eth_utils.crypto import keccak

from keeper.execution.allowlist import Allowlist, Rule, encode_configure
from keeper.execution.calldata import encode_execute
from keeper.execution.explain import explain_revert
from keeper.execution.operations import Allow, Call, Flag, Tip, Try, Watch, exact, gain_of
from keeper.execution.recipes import Loan, V3Swap, flash_aave_v3, flash_v3, v3_swap
from keeper.sandbox.aave import account_data
from keeper.sandbox.artifact import signature
from keeper.sandbox.assets import balance
from keeper.sandbox.chain import Transaction
from keeper.sandbox.compiler import artifacts, compile_sources
from keeper.sandbox.feeds import DOLLAR, set_price
from keeper.sandbox.node import NodeError
from keeper.sandbox.uniswap_v3 import move_price
from keeper.types import Address
from keeper.units import MAX_UINT256, WAD
from tests.anvil.executor_kit import (
    FOREVER,
    LIQUIDATION_CALL,
    TREASURY,
    USDC_WHOLE,
    Target,
    flash_route,
    header,
    liquidation_call,
    loan_for,
    make_fully_liquidatable,
    make_half_liquidatable,
    pool_id,
    require_debt,
    require_unhealthy,
    sell_all,
    wire,
)

EXECUTED = f"0x{keccak(text='Executed(address,address,uint256,uint256)').hex()}"
MISSED = f"0x{keccak(text='Missed(address)').hex()}"
ITEM_FAILED = f"0x{keccak(text='ItemFailed(uint256,bytes)').hex()}"


@pytest.fixture
def wired(aave36):
    """The pools still trade WETH at 3,000, so that a seized WETH is worth more than the oracle says."""
    return wire(aave36)


@pytest.fixture
def borrower(aave36):
    return aave36.chain.accounts[1]


def topics(receipt):
    return [log["topics"][0] for log in receipt["logs"]]


def assert_settled(scene, wired, receipt):
    """The executor said so, and holds and promises nothing."""
    assert topics(receipt)[-1] == EXECUTED
    for symbol in ("USDC", "WETH", "DAI", "WBTC"):
        assert balance(scene.chain, scene.asset(symbol), wired.executor) == 0
    assert int(scene.chain.node.rpc("eth_getBalance", f"0x{wired.executor.hex()}", "latest"), 16) == 0
    allowed = scene.chain.call(
        scene.asset("USDC").token, "allowance(address,address)(uint256)", wired.executor, scene.aave.pool
    )
    assert allowed == 0


def refusal(call):
    """Run what must revert, and put its reason in words."""
    with pytest.raises(NodeError) as refused:
        call()

    return explain_revert(refused.value.revert)


def test_flash_loan_liquidation_and_swap_pay_the_treasury(aave36, wired, borrower):
    """10,500 repaid seizes 10500 * 1.05 / 2600 less a tenth of the bonus: 4.2202 WETH, sold at 3,000 for 12,650."""
    target = make_half_liquidatable(aave36, borrower)
    receipt = wired.run(header(aave36), flash_route(aave36, wired, target))

    # 4.220192 * 3000 * 0.9995 less depth (0.14 %), less 10505.25 owed
    assert balance(aave36.chain, aave36.asset("USDC"), TREASURY) == pytest.approx(2_134 * USDC_WHOLE, rel=0.01)
    assert account_data(aave36.chain, aave36.aave, borrower).debt_base == pytest.approx(11_500 * DOLLAR, rel=1e-4)
    assert_settled(aave36, wired, receipt)


def test_full_close_returns_the_interest_it_was_padded_for(aave36, wired, borrower):
    target = make_fully_liquidatable(aave36, borrower)
    receipt = wired.run(header(aave36), flash_route(aave36, wired, target))

    assert account_data(aave36.chain, aave36.aave, borrower).debt_base == 0
    assert_settled(aave36, wired, receipt)


def test_simulation_returns_the_profit_that_is_realised(aave36, wired, borrower):
    """The same block is simulated and mined: equal to the unit, or the pending block is another one."""
    target = make_half_liquidatable(aave36, borrower)
    receipt = wired.run(header(aave36), flash_route(aave36, wired, target))
    executed = receipt["logs"][-1]
    profit, tip = (int(executed["data"][2 + 64 * i : 66 + 64 * i], 16) for i in range(2))

    assert profit == balance(aave36.chain, aave36.asset("USDC"), TREASURY)
    assert tip == 0


def test_route_of_two_swaps_pays_the_treasury(aave36, wired, borrower):
    target = make_half_liquidatable(aave36, borrower)
    loan = loan_for(aave36, target)
    inner = (
        liquidation_call(aave36, target),
        sell_all(aave36, wired, "WETH/DAI/3000", "WETH", 10 * WAD),
        sell_all(aave36, wired, "DAI/USDC/100", "DAI", 100_000 * WAD),
    )
    watched = (Watch(aave36.asset("WETH").token), Watch(aave36.asset("DAI").token))
    receipt = wired.run(header(aave36), (*watched, flash_aave_v3(wired.executor, loan, inner, spends=loan.amount)))

    # 4.220192 * 3000 * 0.997 less depth (0.42 %) and 0.01 %
    assert balance(aave36.chain, aave36.asset("USDC"), TREASURY) == pytest.approx(2_065 * USDC_WHOLE, rel=0.02)
    assert_settled(aave36, wired, receipt)


def test_swap_as_the_loan_needs_no_flash_loan_and_keeps_the_bonus_in_weth(aave36, wired, borrower):
    """The pool hands over 10,500 USDC; inside its callback they liquidate, and the seized WETH pays the pool."""
    target = make_half_liquidatable(aave36, borrower)
    usdc, weth = aave36.asset("USDC").token, aave36.asset("WETH").token
    pool = aave36.world.uniswap.pools["WETH/USDC/500"]
    liquidation = Call(
        aave36.aave.pool,
        LIQUIDATION_CALL.encode(weth, usdc, borrower, target.cover, False),
        allows=(Allow(usdc, exact(target.cover)),),
    )
    swap = V3Swap(
        pool_id(aave36, "WETH/USDC/500"), weth, weth == pool.token0, exact(target.cover), 4 * WAD, exact_output=True
    )
    receipt = wired.run(header(aave36, profit_token=weth), (Watch(usdc), v3_swap(wired.executor, swap, (liquidation,))))

    # 4.220192 - 10500 / 3000 / 0.9995 and depth (0.12 %)
    assert balance(aave36.chain, aave36.asset("WETH"), TREASURY) == pytest.approx(714 * WAD // 1000, rel=0.01)
    assert_settled(aave36, wired, receipt)


def test_loan_of_another_pool_is_paid_back_with_its_fee(aave36, wired, borrower):
    target = make_half_liquidatable(aave36, borrower)
    usdc, weth = aave36.asset("USDC").token, aave36.asset("WETH").token
    pool = aave36.world.uniswap.pools["WBTC/USDC/3000"]
    loan = Loan(pool.address, usdc, target.at_most, -(-target.at_most * 3_000 // 10**6))
    amounts = (loan.amount, 0) if pool.token0 == usdc else (0, loan.amount)
    liquidation = Call(
        aave36.aave.pool,
        LIQUIDATION_CALL.encode(weth, usdc, borrower, target.cover, False),
        allows=(Allow(usdc, exact(target.cover)),),
    )
    inner = (liquidation, sell_all(aave36, wired, "WETH/USDC/500", "WETH", 10 * WAD))
    loaned = flash_v3(wired.executor, pool_id(aave36, "WBTC/USDC/3000"), amounts, loan, inner)
    receipt = wired.run(header(aave36), (Watch(weth), loaned))

    assert balance(aave36.chain, aave36.asset("USDC"), TREASURY) == pytest.approx(2_108 * USDC_WHOLE, rel=0.01)
    assert_settled(aave36, wired, receipt)


def test_tip_is_paid_to_the_coinbase_out_of_the_profit(aave36, wired, borrower):
    """Half of what exceeds 0.2 WETH, of about 0.714."""
    target = make_half_liquidatable(aave36, borrower)
    usdc, weth = aave36.asset("USDC").token, aave36.asset("WETH").token
    coinbase = Address(bytes.fromhex("c0" * 20))
    aave36.chain.node.rpc("anvil_setCoinbase", f"0x{coinbase.hex()}")
    pool = aave36.world.uniswap.pools["WETH/USDC/500"]
    liquidation = Call(
        aave36.aave.pool,
        LIQUIDATION_CALL.encode(weth, usdc, borrower, target.cover, False),
        allows=(Allow(usdc, exact(target.cover)),),
    )
    swap = V3Swap(
        pool_id(aave36, "WETH/USDC/500"), weth, weth == pool.token0, exact(target.cover), 4 * WAD, exact_output=True
    )
    tipped = header(aave36, profit_token=weth, min_profit=WAD // 5, tip_bps=5_000, max_tip=WAD, flags=Flag.TIP_REQUIRED)
    receipt = wired.run(tipped, (Watch(usdc), v3_swap(wired.executor, swap, (liquidation,))))

    tip = int(receipt["logs"][-1]["data"][66:], 16)
    profit = balance(aave36.chain, aave36.asset("WETH"), TREASURY)
    assert tip == (profit + tip - WAD // 5) // 2
    assert_settled(aave36, wired, receipt)


def test_batch_pays_for_the_liquidation_that_works(aave36, wired, borrower):
    """The first of two is healthy: its item fails alone, the loan for both is repaid."""
    target = make_half_liquidatable(aave36, borrower)
    healthy = Target(aave36.chain.accounts[2], target.cover, target.at_most)
    loan = Loan(aave36.aave.pool, aave36.asset("USDC").token, 2 * target.at_most, 2 * loan_for(aave36, target).fee)
    items = tuple(Try(1_500_000, (liquidation_call(aave36, each), Tip(1))) for each in (healthy, target))
    inner = (*items, sell_all(aave36, wired, "WETH/USDC/500", "WETH", 10 * WAD))
    program = (Watch(aave36.asset("WETH").token), flash_aave_v3(wired.executor, loan, inner, spends=loan.amount))
    receipt = wired.run(header(aave36, flags=Flag.SKIP_FAILED), program)

    assert topics(receipt).count(ITEM_FAILED) == 1
    assert_settled(aave36, wired, receipt)


def test_unprofitable_route_reverts_and_says_by_how_much(aave36, wired, borrower):
    """The pool falls to 2,300 while the oracle says 2,600: what is seized does not repay the loan."""
    target = make_half_liquidatable(aave36, borrower)
    weth = aave36.asset("WETH")
    move_price(aave36.chain, aave36.world.uniswap, aave36.world.uniswap.pools["WETH/USDC/500"], weth, 2_300)
    words = refusal(lambda: wired.run(header(aave36), flash_route(aave36, wired, target)))

    assert words != "reverted without a reason"
    assert balance(aave36.chain, aave36.asset("USDC"), TREASURY) == 0


def test_floor_above_what_is_there_reverts(aave36, wired, borrower):
    target = make_half_liquidatable(aave36, borrower)
    floor = 50_000 * USDC_WHOLE
    words = refusal(lambda: wired.run(header(aave36, min_profit=floor), flash_route(aave36, wired, target)))

    assert words.startswith("NotEnoughProfit: profit 2")


def test_healthy_account_passes_the_protocols_own_reason_on(aave36, wired, borrower):
    target = make_half_liquidatable(aave36, borrower)
    set_price(aave36.chain, aave36.asset("WETH").feed, 3_000 * DOLLAR)

    words = refusal(lambda: wired.run(header(aave36), flash_route(aave36, wired, target)))
    assert words == f"0x{signature('HealthFactorNotBelowThreshold()').selector.hex()}"


def test_quiet_miss_of_a_position_somebody_else_took_costs_little(aave36, wired, borrower):
    """A rival took the position first: the borrower's debt is below what the plan saw."""
    target = make_half_liquidatable(aave36, borrower)
    debt_token = aave36.aave.reserves["USDC"].variable_debt_token
    debt = aave36.chain.call(debt_token, "scaledBalanceOf(address)(uint256)", borrower)
    program = (require_debt(aave36, borrower, debt), *flash_route(aave36, wired, target))
    quiet = header(aave36, flags=Flag.QUIET_MISS)
    wired.run(quiet, program)
    receipt = wired.run(quiet, program)

    data = encode_execute(quiet, program)
    gas = int(receipt["gasUsed"], 16)
    # EIP-7623: what calldata of this size costs at least, whatever is done with it.
    floor = 21_000 + 10 * (data.count(0) + 4 * (len(data) - data.count(0)))
    print(f"quiet miss, by scaled debt: {gas} gas, {floor} of it the floor for {len(data)} bytes")
    assert topics(receipt) == [MISSED]
    assert gas < 50_000


def test_quiet_miss_by_health_reads_the_whole_account(aave36, wired, borrower):
    target = make_half_liquidatable(aave36, borrower)
    set_price(aave36.chain, aave36.asset("WETH").feed, 3_000 * DOLLAR)
    program = (require_unhealthy(aave36, borrower), *flash_route(aave36, wired, target))
    receipt = wired.run(header(aave36, flags=Flag.QUIET_MISS), program)

    print(f"quiet miss, by health factor: {int(receipt['gasUsed'], 16)} gas")
    assert topics(receipt) == [MISSED]


# Attacks on the real pool --------------------------------------------------------------------------------------------


def test_attack05_stranger_borrowing_in_our_name_is_refused(aave36, wired, borrower):
    """Anybody may name the executor as receiver of a flash loan; outside a frame it answers nobody."""
    del borrower
    flash = "flashLoanSimple(address,address,uint256,bytes,uint16)"
    usdc = aave36.asset("USDC").token

    def attack():
        aave36.chain.send(aave36.aave.pool, flash, wired.executor, usdc, 1, b"", 0, sender=aave36.chain.accounts[7])

    assert refusal(attack).startswith("NoFrame: ")


def test_attack01_stranger_replaying_our_calldata_is_refused(aave36, wired, borrower):
    target = make_half_liquidatable(aave36, borrower)
    route = flash_route(aave36, wired, target)
    words = refusal(lambda: wired.run(header(aave36), route, sender=aave36.chain.accounts[7]))

    assert words.startswith("NotOperator: ")


def test_attack07_sandwiched_swap_is_not_paid_more_than_announced(aave36, wired, borrower):
    """Buying 10,500 USDC takes 3.5 WETH at 3,000; after the pool fell to 2,000 it takes 5.3, and 4 were announced."""
    target = make_half_liquidatable(aave36, borrower)
    usdc, weth = aave36.asset("USDC").token, aave36.asset("WETH")
    pool = aave36.world.uniswap.pools["WETH/USDC/500"]
    move_price(aave36.chain, aave36.world.uniswap, pool, weth, 2_000)
    liquidation = Call(
        aave36.aave.pool,
        LIQUIDATION_CALL.encode(weth.token, usdc, borrower, target.cover, False),
        allows=(Allow(usdc, exact(target.cover)),),
    )
    target_pool, zero_for_one = pool_id(aave36, "WETH/USDC/500"), weth.token == pool.token0
    swap = V3Swap(target_pool, weth.token, zero_for_one, exact(target.cover), 4 * WAD, exact_output=True)
    program = (Watch(usdc), v3_swap(wired.executor, swap, (liquidation,)))

    assert refusal(lambda: wired.run(header(aave36, profit_token=weth.token), program)).startswith("PaysTooMuch: ")


# Gas ----------------------------------------------------------------------------------------------------------------

GOAL = 0.08
FIXED = "liquidate((address,address,address,address,bool,uint256,uint256,uint256,uint256,uint256))"


@pytest.mark.parametrize("make", [make_half_liquidatable, make_fully_liquidatable])
@pytest.mark.parametrize("by_id", [True, False], ids=["pool by its tokens", "pool listed"])
def test_generality_costs_at_most_eight_percent(aave36, wired, borrower, make, by_id):
    """Both contracts make the same calls to the same state; what differs is ours."""
    chain, packages = aave36.chain, aave36.packages
    pool = aave36.world.uniswap.pools["WETH/USDC/500"]
    weth, usdc = aave36.asset("WETH").token, aave36.asset("USDC")
    swap = signature("swap(address,bool,int256,uint160,bytes)").selector
    listed = Allowlist(rules=(Rule(pool.address, swap),))
    chain.execute(Transaction(chain.account, wired.executor, encode_configure(listed)))
    names = ("src/Tokens.sol", "test/bench/FixedRoute.sol")
    sources = {name: {"content": (packages.contracts / name).read_text()} for name in names}
    artifact = artifacts(compile_sources(packages, sources, sources))["FixedRoute"]
    fixed = chain.deploy(artifact, aave36.aave.pool, TREASURY, wired.operator)
    target = make(aave36, borrower)
    loan = loan_for(aave36, target)
    order = (weth, usdc.token, borrower, pool.address, weth == pool.token0)
    order = (*order, loan.amount, target.cover, loan.amount, 1, FOREVER)

    with chain.undone():
        plain = int(chain.send(fixed, FIXED, order, sender=wired.operator)["gasUsed"], 16)
        profit = balance(chain, usdc, TREASURY)

    # Anvil may put what it has undone back into its pool, to be mined before us.
    chain.node.rpc("anvil_dropAllTransactions")
    receipt = wired.run(header(aave36), flash_route(aave36, wired, target, by_id=by_id))
    general = int(receipt["gasUsed"], 16)
    print(f"\n{make.__name__}: fixed {plain}, general {general}, {(general - plain) / plain:+.2%}")

    assert balance(chain, usdc, TREASURY) == profit
    assert general <= plain * (1 + GOAL)


def test_donation_before_the_frame_neither_blocks_nor_feeds_the_route(aave36, wired, borrower):
    """One wei of WETH sent to the executor beforehand neither blocks the route nor is spent by it."""
    target = make_half_liquidatable(aave36, borrower)
    weth = aave36.asset("WETH")
    donor = aave36.chain.accounts[8]
    aave36.chain.send(weth.token, "deposit()", sender=donor, value_wei=1)
    aave36.chain.send(weth.token, "transfer(address,uint256)", wired.executor, 1, sender=donor)
    wired.run(header(aave36), flash_route(aave36, wired, target))

    assert balance(aave36.chain, weth, wired.executor) == 1


def test_program_without_exact_numbers_lands_many_blocks_later(aave36, wired, borrower):
    """MAX as debtToCover and a gain as amount: nothing in the program needs the exact numbers of the block."""
    target = make_fully_liquidatable(aave36, borrower)
    assert target.cover == MAX_UINT256
    weth = aave36.asset("WETH").token
    loan = loan_for(aave36, target)
    pool = aave36.world.uniswap.pools["WETH/USDC/500"]
    swap = V3Swap(pool_id(aave36, "WETH/USDC/500"), weth, weth == pool.token0, gain_of(weth), 10 * WAD)
    inner = (liquidation_call(aave36, target), v3_swap(wired.executor, swap))
    aave36.chain.mine(100)
    receipt = wired.run(header(aave36), (Watch(weth), flash_aave_v3(wired.executor, loan, inner, spends=loan.amount)))

    assert_settled(aave36, wired, receipt)
