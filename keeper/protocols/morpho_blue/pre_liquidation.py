"""Opt-in contracts that liquidate a part of a position before Morpho would: their parameters and their arithmetic.

A borrower opts in by authorising such a contract on Morpho. Names are the contract's. Pure integers. Source:
PreLiquidation and PreLiquidationFactory of morpho-org/pre-liquidation.
"""

from dataclasses import dataclass

from keeper.protocols.morpho_blue import math
from keeper.protocols.morpho_blue.math import Totals
from keeper.protocols.morpho_blue.params import MarketId
from keeper.protocols.words import WORD, address_at, indexed_address, word
from keeper.types import Address, Log
from keeper.units import WAD, mul_div, mul_div_up

ENCODED_BYTES = 8 * WORD


@dataclass(frozen=True, slots=True)
class PreLiquidation:
    """One contract, its market and its terms, which never change; all five numbers are wads.

    Close factor and incentive grow in a straight line from `lcf1` and `lif1` at `pre_lltv` to `lcf2` and `lif2` at
    the market's own threshold. A close factor above one takes everything.
    """

    contract: Address
    market: MarketId
    pre_lltv: int
    lcf1: int
    lcf2: int
    lif1: int
    lif2: int
    oracle: Address

    @property
    def encoded(self) -> bytes:
        """Eight words, as the factory's event tells them."""
        numbers = (self.pre_lltv, self.lcf1, self.lcf2, self.lif1, self.lif2)
        words = b"".join(number.to_bytes(WORD, "big") for number in numbers)
        return self.contract.rjust(WORD, b"\0") + self.market + words + self.oracle.rjust(WORD, b"\0")


def decode_pre_liquidation(data: bytes) -> PreLiquidation:
    """Read eight words; `DecodeError` where the data ends before them or an address is none."""
    pre_lltv, lcf1, lcf2, lif1, lif2 = (word(data, i) for i in range(2, 7))
    market = MarketId(data[WORD : 2 * WORD])
    return PreLiquidation(address_at(data, 0), market, pre_lltv, lcf1, lcf2, lif1, lif2, oracle=address_at(data, 7))


def created_in(log: Log) -> PreLiquidation:
    """Read the factory's event."""
    return decode_pre_liquidation(indexed_address(log, 1).rjust(WORD, b"\0") + log.data)


@dataclass(frozen=True, slots=True)
class Zone:
    """What a position between the two thresholds may be liquidated at: incentive in wad, shares that may be repaid."""

    incentive: int
    repayable_shares: int


def zone_of(
    collateral: int, borrow_shares: int, totals: Totals, price: int, terms: tuple[PreLiquidation, int]
) -> Zone | None:
    """Find where a position stands between the thresholds; None outside them, or where a product overflows.

    `terms` are the contract's and the market's own threshold. Source: PreLiquidation.preLiquidate.
    """
    pre, lltv = terms
    value = math.collateral_value(collateral, price)
    if value is None or not pre.pre_lltv < lltv:
        return None

    borrowed = math.borrowed(borrow_shares, totals)
    if borrowed > math.max_borrow(value, lltv) or borrowed <= math.max_borrow(value, pre.pre_lltv):
        return None

    ltv = mul_div_up(borrowed, WAD, value)
    quotient = mul_div(ltv - pre.pre_lltv, WAD, lltv - pre.pre_lltv)
    close_factor = mul_div(quotient, pre.lcf2 - pre.lcf1, WAD) + pre.lcf1
    incentive = mul_div(quotient, pre.lif2 - pre.lif1, WAD) + pre.lif1
    return Zone(incentive, mul_div(borrow_shares, close_factor, WAD))


def seized_for(repaid_shares: int, totals: Totals, price: int, incentive: int) -> int:
    """Collateral that repaying shares seizes, each step rounded down. PreLiquidation.preLiquidate."""
    assets = math.to_assets_down(repaid_shares, totals.borrow_assets, totals.borrow_shares)
    return mul_div(mul_div(assets, incentive, WAD), math.ORACLE_PRICE_SCALE, price)


def repaid_shares_for(seized: int, totals: Totals, price: int, incentive: int) -> int:
    """Shares that seizing collateral repays, each step rounded up. PreLiquidation.preLiquidate."""
    quoted = mul_div_up(seized, price, math.ORACLE_PRICE_SCALE)
    return math.to_shares_up(mul_div_up(quoted, WAD, incentive), totals.borrow_assets, totals.borrow_shares)
