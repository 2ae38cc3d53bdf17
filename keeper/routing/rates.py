"""What a vault's own preview follows: one of a few formulas, chosen because it answers every probe to the unit.

A vault whose answers none of them meets is not understood, and not used.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from keeper.routing.conversion import Rate
from keeper.units import BPS, RAY, WAD

LARGE: Final = 2**128
"""An input whose answer tells the rate to more digits than any balance has."""
PROBES: Final = (WAD, RAY, LARGE, 7_777_777_777_777_777_777_777_777, 1_234_567_891)
"""Inputs every vault is asked about: two at which a rate is kept, a large one, and two of no meaning."""
_SHORT_BY: Final = 2
"""Units by which two roundings may lower what a plain rate gives."""


def rate_of(previews: Mapping[int, int], assets: int, shares: int, offset: int) -> Rate | None:
    """Find the rate behind previews of `PROBES`; None where no formula meets them all.

    `assets` and `shares` are the vault's totals, `offset` the decimals by which its shares are finer than the asset.
    First the ratio of the totals, with and without the virtual share, then a rate the previews themselves give; each
    with the fee that is missing, if one is. Failing that a plain rate that gives at most a few units too little.
    """
    for numerator, denominator in _ratios(previews, assets, shares, offset):
        for rate in _with_fees(previews, numerator, denominator):
            if all(rate.out(amount) == answer for amount, answer in previews.items()):
                return rate

    plain = Rate(previews.get(LARGE, 0), LARGE)
    short = all(0 <= answer - plain.out(amount) + _SHORT_BY <= 2 * _SHORT_BY for amount, answer in previews.items())
    return Rate(plain.numerator, LARGE, margin=_SHORT_BY) if short and plain.numerator else None


def _ratios(previews: Mapping[int, int], assets: int, shares: int, offset: int) -> Iterator[tuple[int, int]]:
    """Numerators and denominators worth trying."""
    yield assets + 1, shares + 10**offset  # OpenZeppelin's ERC4626, 4.9 and later
    if shares:
        yield assets, shares

    for scale in (RAY, WAD):
        if previews.get(scale):
            yield previews[scale], scale


def _with_fees(previews: Mapping[int, int], numerator: int, denominator: int) -> Iterator[Rate]:
    """A ratio without a fee, and with the one that would explain the largest answer."""
    yield Rate(numerator, denominator)
    worth, paid = LARGE * numerator // denominator, previews.get(LARGE, 0)
    taken = worth - paid
    if paid <= 0 or taken <= 0:
        return

    yield Rate(numerator, denominator, fee_bps=(taken * BPS + worth // 2) // worth)
    yield Rate(numerator, denominator, fee_bps=(taken * BPS + paid // 2) // paid, fee_on_paid=True)
