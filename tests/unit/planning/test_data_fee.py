import pytest

from keeper.planning.data_fee import GAS_PRICE_ORACLE, DataFee, plan_bytes, read_data_fee
from keeper.planning.pipeline import plan_block
from keeper.protocols.words import selector
from keeper.types import Returned
from keeper.units import GWEI
from tests.fakes.planning import DAI, DEEP, USDC, WETH, inputs, market, usdc_debt
from tests.fakes.pools import deep_pool
from tests.fakes.reads import drive

FEE = DataFee(12 * GWEI, 3 * GWEI, 5_227, 1_014_213)
THROUGH_DAI = (
    deep_pool(21, WETH, 50_000 * 10**18, DAI, 100_000_000 * 10**18, 500),
    deep_pool(22, DAI, 100_000_000 * 10**18, USDC, 100_000_000 * 10**6, 100),
)


def test_bytes_cost_what_the_regression_says():
    # 582 + 68 = 650; 650 + 650 // 255 + 16 = 668; 836,500 * 668 - 42,585,600 = 516,196,400 millionths of a byte, at
    # 16 * 5,227 * 12 gwei + 1,014,213 * 3 gwei each.
    assert FEE.at_most_wei(582) == 2_088_645_746_197


def test_few_bytes_cost_what_a_hundred_do():
    assert FEE.at_most_wei(0) == 404_622_300_000


def test_numbers_are_read_from_the_chains_oracle():
    numbers = {"l1BaseFee()": 12 * GWEI, "blobBaseFee()": 3 * GWEI}
    numbers |= {"baseFeeScalar()": 5_227, "blobBaseFeeScalar()": 1_014_213}
    answers = {selector(name): number.to_bytes(32, "big") for name, number in numbers.items()}

    def oracle(call):
        assert call.to == GAS_PRICE_ORACLE
        return Returned(True, answers[call.data])

    assert drive(read_data_fee(), oracle) == FEE


@pytest.mark.parametrize("bad", [Returned(False, b""), Returned(True, b""), Returned(True, bytes(31))])
def test_oracle_that_does_not_answer_gives_no_fee(bad):
    assert drive(read_data_fee(), lambda _: bad) is None


@pytest.mark.parametrize("pools", [(DEEP,), THROUGH_DAI])
def test_plan_is_no_longer_than_what_it_was_charged_for(pools):
    (plan,) = plan_block(inputs(market(usdc_debt(10_000)), pools=pools)).plans
    assert len(plan.data) + 110 <= plan_bytes(len(pools), 1)


def test_cost_of_bytes_is_part_of_the_gas_a_plan_must_earn():
    plain, charged = (plan_block(inputs(market(usdc_debt(10_000)), data_fee=fee)).plans[0] for fee in (None, FEE))

    extra = FEE.at_most_wei(plan_bytes(1, 1))
    assert charged.opportunity.gas_cost_wei - plain.opportunity.gas_cost_wei == extra > 0
    assert charged.opportunity.net_usd < plain.opportunity.net_usd
