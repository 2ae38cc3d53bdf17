"""The contracts' arithmetic: interest, exchange rate, liquidity, seizure and redemption, in their order and rounding.

Names are the contracts'. Pure integers; nothing here knows a position, a market's address or a price's origin. Sources:
CToken, Comptroller, ComptrollerLens and ExponentialNoError of Compound V2 and Venus, Liquidator of Venus.
"""

from dataclasses import dataclass, replace

from keeper.units import WAD, div_up, mul_div

BORROW_RATE_MAX = 5 * 10**12
"""No cToken accrues at a higher rate per block or second, in wad. CTokenInterfaces.borrowRateMaxMantissa, constant."""


@dataclass(frozen=True, slots=True)
class Totals:
    """A market's sums: token base units, but `supply` in cTokens and `borrow_index` in wad.

    `accrued_at` is a block number, or unix s where a fork accrues by time.
    """

    cash: int
    borrows: int
    reserves: int
    supply: int
    borrow_index: int
    accrued_at: int


@dataclass(frozen=True, slots=True)
class Terms:
    """Everything one liquidation of one (debt, collateral) pair depends on, once both markets have accrued.

    `ratio` is seized cTokens per repaid unit in wad; `tokens` the borrower's cTokens. `share` of them burns for the
    market's reserves, `kept` of the rest (a share as `divisor` says) stays with the liquidator contract, and
    `redeem_fee` of what they redeem for goes to the treasury; all in wad. `same` tells that both markets are one.
    """

    ratio: int
    max_repay: int
    tokens: int
    share: int
    kept: "Split"
    redeem_fee: int
    collateral: Totals
    same: bool


@dataclass(frozen=True, slots=True)
class Split:
    """What a liquidator contract keeps of what it seized; `percent` and `incentive` in wad.

    `of_bonus`: a percentage of the bonus; otherwise of the repaid part. Source: Liquidator, both generations.
    """

    percent: int
    incentive: int
    of_bonus: bool


NO_SPLIT = Split(0, WAD, of_bonus=False)


@dataclass(frozen=True, slots=True)
class Moved:
    """What a liquidation and the redemption after it move.

    `repaid`, `redeemed` (what leaves the market) and `received` (what of it is ours) in token base units; `seized`,
    `burned`, `kept` and `ours` in cTokens: taken from the borrower, for the reserves, by the liquidator contract, us.
    """

    repaid: int
    seized: int
    burned: int
    kept: int
    ours: int
    redeemed: int
    received: int


# Interest ----------------------------------------------------------------------------------------------------------


def accrue(totals: Totals, rate: int, reserve_factor: int, now: int) -> Totals:
    """Add simple interest at `rate` (wad per block or second) up to `now`; every product rounds down.

    Source: CToken.accrueInterest.
    """
    delta = now - totals.accrued_at
    if delta <= 0:
        return totals

    simple_interest_factor = rate * delta
    interest_accumulated = mul_div(simple_interest_factor, totals.borrows, WAD)
    return replace(
        totals,
        borrows=totals.borrows + interest_accumulated,
        reserves=totals.reserves + mul_div(reserve_factor, interest_accumulated, WAD),
        borrow_index=totals.borrow_index + mul_div(simple_interest_factor, totals.borrow_index, WAD),
        accrued_at=now,
    )


def exchange_rate(totals: Totals, initial_rate: int) -> int:
    """Underlying per cToken in wad, rounded down. CToken.exchangeRateStoredInternal."""
    if totals.supply == 0:
        return initial_rate

    return mul_div(totals.cash + totals.borrows - totals.reserves, WAD, totals.supply)


def borrow_balance(principal: int, interest_index: int, borrow_index: int) -> int:
    """Bring a debt to an index, rounded down. CToken.borrowBalanceStoredInternal."""
    return mul_div(principal, borrow_index, interest_index)


# Liquidity ---------------------------------------------------------------------------------------------------------


def tokens_to_denom(collateral_factor: int, rate: int, price: int) -> int:
    """What one cToken may back, in wad; both products round down. ComptrollerLens.getHypotheticalAccountLiquidity."""
    return mul_div(mul_div(collateral_factor, rate, WAD), price, WAD)


def valued(amount: int, per_unit: int) -> int:
    """Value an amount by a wad per unit, rounded down: cTokens by `tokens_to_denom`, a debt by its price."""
    return mul_div(per_unit, amount, WAD)


# Liquidation -------------------------------------------------------------------------------------------------------


def max_close(balance: int, close_factor: int) -> int:
    """Cap a repayment at the close factor, rounded down. Comptroller.liquidateBorrowAllowed."""
    return mul_div(close_factor, balance, WAD)


def seize_ratio(incentive: int, price_borrowed: int, price_collateral: int, rate: int) -> int | None:
    """Seized cTokens per repaid unit, in wad; every step rounds down. None where the contract divides by zero.

    Source: ComptrollerLens.liquidateCalculateSeizeTokens.
    """
    numerator = mul_div(incentive, price_borrowed, WAD)
    denominator = mul_div(price_collateral, rate, WAD)
    return None if denominator == 0 else mul_div(numerator, WAD, denominator)


def seize_tokens(repaid: int, ratio: int) -> int:
    """The cTokens a repayment seizes, rounded down. ComptrollerLens.liquidateCalculateSeizeTokens."""
    return mul_div(ratio, repaid, WAD)


def largest_repay(tokens: int, ratio: int) -> int:
    """Return the largest repayment that seizes at most so many cTokens; inverts `seize_tokens`."""
    return ((tokens + 1) * WAD - 1) // ratio  # down: the largest that still fits


def least_repay(tokens: int, ratio: int) -> int:
    """Return the smallest repayment that seizes at least so many cTokens; inverts `seize_tokens`."""
    return div_up(tokens * WAD, ratio)


def kept_of(seized: int, split: Split) -> int:
    """What the liquidator contract keeps, rounded down at each step. Liquidator.splitLiquidationIncentive."""
    if split.of_bonus:
        bonus = mul_div(seized, split.incentive - WAD, split.incentive)
        return mul_div(bonus, split.percent, WAD)

    return mul_div(seized, split.percent, split.incentive)


def move(repaid: int, terms: Terms) -> Moved:
    """Work out what repaying so much moves, redemption of what is ours included.

    Source: CToken.liquidateBorrowFresh, seizeInternal, redeemFresh.
    """
    seized = seize_tokens(repaid, terms.ratio)
    burned = mul_div(seized, terms.share, WAD)
    kept = kept_of(seized - burned, terms.kept)
    ours = seized - burned - kept
    rate = exchange_rate(after_seize(repaid, burned, terms), 0)
    redeemed = mul_div(rate, ours, WAD)
    return Moved(repaid, seized, burned, kept, ours, redeemed, redeemed - mul_div(redeemed, terms.redeem_fee, WAD))


def after_seize(repaid: int, burned: int, terms: Terms) -> Totals:
    """The collateral market before the redemption: repaid into where both are one, and with the share burned.

    The share adds to the reserves at the rate before it, rounded down. Source: CToken.seizeInternal.
    """
    totals = terms.collateral
    added = mul_div(exchange_rate(totals, 0), burned, WAD)
    paid = repaid if terms.same else 0
    return replace(
        totals,
        cash=totals.cash + paid,
        borrows=totals.borrows - paid,
        reserves=totals.reserves + added,
        supply=totals.supply - burned,
    )
