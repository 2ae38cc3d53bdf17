import pytest

from keeper.oracles.numeraire import Numeraire
from keeper.planning.profit import Net, floor_amount, gas_in_token, net_of_gas
from keeper.types import TokenAmount, TokenPrice
from keeper.units import GWEI, USD
from tests.fakes.pools import address

USDC, UNKNOWN, WETH = address(1), address(2), address(3)
# A dollar at 0.99 to one market and 1.01 to another; 2,000 dollars for the native token.
MARKETS = ({USDC: TokenPrice(99 * USD // 100, 6)}, {USDC: TokenPrice(101 * USD // 100, 6)})
NUMERAIRE = Numeraire.of(2_000 * USD, WETH, MARKETS, 0)
GAS_WEI = 500_000 * 2 * GWEI  # 0.001 native: 2 dollars


def test_profit_is_worth_the_lower_price_less_the_gas():
    assert net_of_gas(TokenAmount(USDC, 100_000_000), GAS_WEI, NUMERAIRE) == Net(99 * USD, GAS_WEI, 97 * USD)


def test_loss_is_worth_the_higher_price_less_the_gas():
    assert net_of_gas(TokenAmount(USDC, -100_000_000), GAS_WEI, NUMERAIRE) == Net(-101 * USD, GAS_WEI, -103 * USD)


def test_profit_in_a_token_of_unknown_price_has_no_worth():
    assert net_of_gas(TokenAmount(UNKNOWN, 1), GAS_WEI, NUMERAIRE) is None
    assert gas_in_token(UNKNOWN, GAS_WEI, NUMERAIRE) is None


def test_gas_in_a_token_is_rounded_up():
    # 2 / 0.99 = 2.020202.. dollars' worth of units
    assert gas_in_token(USDC, GAS_WEI, NUMERAIRE) == 2_020_203


@pytest.mark.parametrize(
    ("amount", "floor_bps", "expected"),
    [
        (100_000_000, 9_000, 90_000_000),  # 90 % of it
        (99_999_999, 9_000, 89_999_999),  # 89,999,999.1
        (8_000_000, 5_000, 7_070_708),  # half would be 4: not less than 7 dollars at 0.99, 7.0707070..
    ],
)
def test_floor_is_a_share_but_pays_gas_and_minimum(amount, floor_bps, expected):
    assert floor_amount(TokenAmount(USDC, amount), GAS_WEI, 5 * USD, floor_bps, NUMERAIRE) == expected


def test_floor_is_at_least_one_unit():
    assert floor_amount(TokenAmount(USDC, 1), 0, 0, 5_000, NUMERAIRE) == 1
