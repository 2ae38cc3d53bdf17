"""A maker's orders: what they hold, owe and have earned, and the account once they are cancelled.

Source: OrderBook, Funding.calcLiquidityCoefficientInFundingPaymentByOrder and ClearingHouse._removeAllLiquidity.
"""

from dataclasses import replace
from typing import NamedTuple

from keeper.protocols.perp_curie import math
from keeper.protocols.perp_curie.account import Account, Holding, Order
from keeper.protocols.perp_curie.instrument import Instrument, growth_inside
from keeper.routing.swap_math import amount0_between
from keeper.routing.tick_math import sqrt_ratio_at_tick
from keeper.types import Address
from keeper.units import div_trunc, mul_div


class Made(NamedTuple):
    """What all orders of an account in one market come to; `coefficient` is their part in the funding payment."""

    base: int = 0
    quote: int = 0
    base_debt: int = 0
    quote_debt: int = 0
    fee: int = 0
    coefficient: int = 0


def made(orders: tuple[Order, ...], one: Instrument) -> Made:
    """Sum up orders at the market's price and growth, each rounded down."""
    total = Made()
    for order in orders:
        base, quote = one.pool.held(order.lower, order.upper, order.liquidity)
        fee_inside, premium, below, div = growth_inside(one, order.lower, order.upper)
        fee = mul_div(math.unsigned(fee_inside - order.fee_growth_inside_x128), order.liquidity, math.Q128)
        total = Made(
            total.base + base,
            total.quote + quote,
            total.base_debt + order.base_debt,
            total.quote_debt + order.quote_debt,
            total.fee + fee,
            total.coefficient + _coefficient(order, premium, below, div),
        )

    return total


def funding(account: Account, one: Instrument) -> int:
    """What an account would pay in one market if it were settled now. Exchange.getPendingFundingPayment."""
    holding = account.holding(one.base)
    total = made(holding.orders, one)
    base = holding.size - total.base_debt
    return math.funding_payment(base, one.growth.premium_x96, holding.last_growth_x96, total.coefficient)


def settled_funding(account: Account, one: Instrument) -> Account:
    """The account once its funding in one market was settled. ClearingHouse._settleFunding."""
    holding = account.holding(one.base)
    orders = []
    for order in holding.orders:
        _, premium, below, div = growth_inside(one, order.lower, order.upper)
        orders.append(order._replace(premium_inside_x96=premium, premium_below_x96=below, premium_div_inside_x96=div))

    kept = replace(holding, last_growth_x96=one.growth.premium_x96, orders=tuple(orders))
    account = replace(account, owed=account.owed - funding(account, one))
    return account.with_holding(one.base, kept)


def cancelled(account: Account, one: Instrument, now: int) -> tuple[Account, Instrument]:
    """The account and the market once all its orders there are cancelled; what they held becomes the taker's."""
    one = one.settled(now)
    account = settled_funding(account, one)
    holding = account.holding(one.base)
    total = made(holding.orders, one)
    pool = one.pool
    for order in holding.orders:
        pool = pool.shifted(order.lower, order.upper, -order.liquidity)

    account = replace(account, owed=account.owed + total.fee)
    taker = replace(holding, orders=())
    base, quote = total.base - total.base_debt, total.quote - total.quote_debt
    return exchanged(account, one.base, taker, base, quote), replace(one, pool=pool)


def exchanged(account: Account, base_token: Address, holding: Holding, base: int, quote: int) -> Account:
    """The account once this position of it exchanged base for quote, what that realizes booked.

    Source: ClearingHouse._modifyPositionAndRealizePnl.
    """
    realized = math.pnl_to_be_realized(holding.size, holding.open_notional, base, quote) if base else 0
    changed = replace(holding, size=holding.size + base, open_notional=holding.open_notional + quote - realized)
    return replace(account, owed=account.owed + realized).with_holding(base_token, changed)


def _coefficient(order: Order, premium: int, below: int, div: int) -> int:
    upper = sqrt_ratio_at_tick(order.upper)
    base_below = amount0_between(sqrt_ratio_at_tick(order.lower), upper, order.liquidity)
    funding_below = base_below * (below - order.premium_below_x96)
    inside = div_trunc((premium - order.premium_inside_x96) * math.Q96, upper)
    funding_inside = order.liquidity * (div - order.premium_div_inside_x96 - inside)
    return div_trunc(funding_below + funding_inside, math.Q96)
