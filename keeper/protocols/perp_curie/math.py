"""The contracts' arithmetic: prices, funding, margin, how much is liquidated and what it costs, in their own order.

Names are the contracts'. Pure integers: US dollars and base tokens times 10**18, ratios in millionths, prices US
dollars per base token times 10**18 unless a name says X96. Sources: PerpMath, SettlementTokenMath, AccountBalance,
Exchange, Funding, ClearingHouse and Vault of Perp v2 (Curie) 2.8.4.
"""

from typing import Final

from keeper.units import MAX_UINT256, WAD, div_trunc, div_up, mul_div

RATIO: Final = 1_000_000
"""Ratios are millionths."""
DUST: Final = 10
"""A position of less than this many units counts as none. AccountBalance, constant."""
MIN_PARTIAL_LIQUIDATE_POSITION_VALUE: Final = 100 * WAD
"""A position worth no more than this is liquidated whole. AccountBalance, constant."""
FUNDING_PERIOD_S: Final = 86_400
PRICE_LIMIT_INTERVAL_S: Final = 15
"""How long a market's price is bound to the tick it had. Exchange, constant."""
Q96: Final = 1 << 96
Q128: Final = 1 << 128
_MAX_UINT24: Final = (1 << 24) - 1


# Conversions --------------------------------------------------------------------------------------------------------


def mul_ratio(value: int, ratio: int) -> int:
    """Take a share in millionths, rounded toward zero. PerpMath.mulRatio."""
    return div_trunc(value * ratio, RATIO)


def pow10(exponent: int) -> int:
    """Ten to a power that is not negative."""
    return int(10**exponent)


def format_settlement(amount: int, decimals: int) -> int:
    """Turn US dollars times 10**18 into base units of the settlement token, rounded down, below zero too.

    Source: SettlementTokenMath.formatSettlementToken.
    """
    return amount // pow10(18 - decimals)  # down


def parse_settlement(amount: int, decimals: int) -> int:
    """Turn base units of the settlement token into US dollars times 10**18. parseSettlementToken."""
    return amount * pow10(18 - decimals)


def sqrt_to_price_x96(sqrt_price_x96: int) -> int:
    """Square a square-root price, rounded down. PerpMath.formatSqrtPriceX96ToPriceX96."""
    return mul_div(sqrt_price_x96, sqrt_price_x96, Q96)


def x96_to_x18(value_x96: int) -> int:
    """Rescale from times 2**96 to times 10**18, rounded down. PerpMath.formatX96ToX10_18."""
    return mul_div(value_x96, WAD, Q96)


def x18_to_x96(value: int) -> int:
    """Rescale from times 10**18 to times 2**96, rounded down. PerpMath.formatX10_18ToX96."""
    return mul_div(value, Q96, WAD)


# Prices and funding -------------------------------------------------------------------------------------------------


def mark_price(market: int, market_twap: int, index_with_premium: int) -> int:
    """Take the median of three prices. PerpMath.findMedianOfThree."""
    return max(min(market, market_twap), min(max(market, market_twap), index_with_premium))


def delta_twap_x96(market_twap_x96: int, index_twap_x96: int, max_funding_rate: int) -> int:
    """Premium of the market over the index, held to a share of the index either way. Exchange._getDeltaTwapX96."""
    most = mul_ratio(index_twap_x96, max_funding_rate)
    return max(-most, min(most, market_twap_x96 - index_twap_x96))


def funding_payment(base: int, growth_x96: int, last_growth_x96: int, liquidity_coefficient: int) -> int:
    """What an account pays since it was last settled, below zero where it receives; both divisions toward zero.

    Source: Funding.calcPendingFundingPaymentWithLiquidityCoefficient.
    """
    balance_coefficient = div_trunc(base * (growth_x96 - last_growth_x96), Q96)
    return div_trunc(liquidity_coefficient + balance_coefficient, FUNDING_PERIOD_S)


def spread_ratio(market_price: int, index_price: int) -> int:
    """How far a price is from the index, in millionths, toward zero. Exchange._getPriceSpreadRatio."""
    return div_trunc((market_price - index_price) * RATIO, index_price)


# Margin -------------------------------------------------------------------------------------------------------------


def position_value(size: int, price: int) -> int:
    """What a position is worth, toward zero. AccountBalance._getPositionValue."""
    return div_trunc(size * price, WAD)


def collateral_value(amount: int, price: int, decimals: int, price_decimals: int) -> int:
    """Value collateral in US dollars times 10**18, each step rounded down. Vault._getSettlementByCollateral."""
    if decimals > 18:
        return amount * price // pow10(price_decimals) // pow10(decimals - 18)  # down, twice

    return amount * pow10(18 - decimals) * price // pow10(price_decimals)  # down


def liquidatable_size(size: int, price: int, total_value: int, account_value: int, requirement: int) -> int:
    """Most of a position that may be taken over: all of it, or half of what the account holds in all markets.

    Toward zero; `total_value` sums the values of all positions. 0 as well where the contract's own count overflows:
    a position 33 times smaller than the others, while half is the rule.
    Source: AccountBalance.getLiquidatablePositionSize.
    """
    if account_value >= requirement or size == 0:
        return 0

    value = abs(position_value(size, price))
    if value <= MIN_PARTIAL_LIQUIDATE_POSITION_VALUE or account_value < requirement // 2:
        return size

    ratio = mul_div(total_value, RATIO, 2 * value)
    return 0 if ratio > _MAX_UINT24 else mul_ratio(size, min(ratio, RATIO))


def pnl_to_be_realized(size: int, open_notional: int, base: int, quote: int) -> int:
    """Profit or loss that a change of `base` for `quote` realizes, toward zero; none where it does not reduce.

    Source: Exchange.getPnlToBeRealized.
    """
    if size == 0 or (size < 0) == (base < 0):
        return 0

    closed_ratio = mul_div(abs(base), WAD, abs(size))
    if closed_ratio <= WAD:
        return quote + div_trunc(open_notional * closed_ratio, WAD)

    return open_notional + div_trunc(quote * WAD, closed_ratio)


def liquidator_share(penalty: int, account_value: int) -> int:
    """What of a penalty the liquidator gets: half, rounded down; all of an account that owes more than it has.

    Source: ClearingHouse._liquidate.
    """
    return penalty if account_value < 0 else penalty // 2


def least_deposit(debt_value: int, im_ratio: int, decimals: int) -> int:
    """Base units of settlement token that carry a debt at the initial margin, rounded up."""
    return div_up(mul_ratio(debt_value, im_ratio), pow10(18 - decimals))


# Swaps --------------------------------------------------------------------------------------------------------------


def scaled_up(amount: int, fee_ratio: int) -> int:
    """Amount that leaves this much once a fee is taken off, rounded up. SwapMath.calcAmountScaledByFeeRatio."""
    return div_up(amount * RATIO, RATIO - fee_ratio)


def scaled_down(amount: int, fee_ratio: int) -> int:
    """What is left of an amount once a fee is taken off, rounded down. SwapMath.calcAmountScaledByFeeRatio."""
    return mul_div(amount, RATIO - fee_ratio, RATIO)


# Orders -------------------------------------------------------------------------------------------------------------


def unsigned(value: int) -> int:
    """Wrap around 256 bits, as unchecked subtraction does."""
    return value & MAX_UINT256
