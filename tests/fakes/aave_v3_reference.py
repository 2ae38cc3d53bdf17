"""Aave V3's liquidation once more, straight from the rules as prose, in exact fractions rounded where the rules round.

Deliberately naive and shares nothing with the adapter: it answers "what would this call do" for one cover at a time.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

RAY = 10**27
WAD = 10**18
THOUSAND_DOLLARS = 1_000 * 10**8
SPARK_PORT = (3, 0, 1)


def directed(version):
    """Supplies down, debts up, health in full: from 3.5 on, and in SparkLend's port of it onto 3.0."""
    return version >= (3, 5) or version == SPARK_PORT


def half_up(x):
    return floor(x + Fraction(1, 2))


def percent(value, bps):
    """Half up, as the pools before 3.7 do it."""
    return half_up(Fraction(value * bps, 10_000))


def percent_of_inverse(value, bps):
    """Divide by a percentage; the contract adds bps // 2 before dividing, which for odd bps is less than a half."""
    return (value * 10_000 + bps // 2) // bps


def scaled_up(value, index):
    """rayDiv: adds index // 2 before dividing."""
    return (value * RAY + index // 2) // index


@dataclass(frozen=True)
class Case:
    """One pair of one position, and what the pool could pay out."""

    version: tuple
    collateral_price: int
    collateral_unit: int
    scaled_collateral: int
    liquidity_index: int
    debt_price: int
    debt_unit: int
    scaled_debt: int
    borrow_index: int
    bonus: int
    fee: int
    other_collateral_base: int
    other_debt_base: int
    health: int
    available: int

    @property
    def collateral(self):
        exact = Fraction(self.scaled_collateral * self.liquidity_index, RAY)
        return floor(exact) if directed(self.version) else half_up(exact)

    @property
    def debt(self):
        exact = Fraction(self.scaled_debt * self.borrow_index, RAY)
        return ceil(exact) if directed(self.version) else half_up(exact)

    def worth_of_collateral(self, amount):
        return floor(Fraction(amount * self.collateral_price, self.collateral_unit))

    def worth_of_debt(self, amount):
        exact = Fraction(amount * self.debt_price, self.debt_unit)
        return ceil(exact) if directed(self.version) else floor(exact)


@dataclass(frozen=True)
class Done:
    """What a liquidation moved."""

    repaid: int
    received: int
    fee: int


def health_of(version, positions, debts):
    """Health factor of [(balance, price, unit, threshold)] against [(balance, price, unit)], in wad."""
    worth = [(floor(Fraction(b * p, u)), t) for b, p, u, t in positions]
    rounding = ceil if directed(version) else floor
    owed = sum(rounding(Fraction(b * p, u)) for b, p, u in debts)
    if owed == 0:
        return 2**256 - 1

    weighted = sum(w * t for w, t in worth)
    if directed(version):
        return (weighted * WAD + owed // 2) // owed // 10_000

    total = sum(w for w, _ in worth)
    average = weighted // total if total else 0
    return (percent(total, average) * WAD + owed // 2) // owed


def liquidate(case, cover):
    """Do it, or say which rule refuses."""
    limit = _limit(case)
    cover = min(cover, limit)
    wanted = floor(Fraction(case.debt_price * cover * case.collateral_unit, case.collateral_price * case.debt_unit))
    wanted = floor(Fraction(wanted * case.bonus, 10_000)) if case.version >= (3, 7) else percent(wanted, case.bonus)
    taken, repaid = wanted, cover
    if wanted > case.collateral:
        taken = case.collateral
        worth = floor(Fraction(case.collateral_price * taken * case.debt_unit, case.debt_price * case.collateral_unit))
        exact = Fraction(worth * 10_000, case.bonus)
        repaid = ceil(exact) if case.version >= (3, 5) else percent_of_inverse(worth, case.bonus)

    fee = _fee(case, taken)
    if case.version >= (3, 3) and repaid < case.debt and taken < case.collateral:
        debt_left = case.worth_of_debt(case.debt - repaid)
        collateral_left = case.worth_of_collateral(case.collateral - taken)
        if debt_left < THOUSAND_DOLLARS or collateral_left < THOUSAND_DOLLARS:
            return "dust"

    burned = case.debt if _nothing_left(case, taken, fee) else repaid
    if directed(case.version):
        scaled_debt, scaled_taken = floor(Fraction(burned * RAY, case.borrow_index)), taken - fee
    else:
        scaled_debt = scaled_up(burned, case.borrow_index)
        scaled_taken = scaled_up(taken - fee, case.liquidity_index)

    if scaled_debt == 0 or scaled_taken == 0:
        return "burns nothing"

    return "no liquidity" if taken - fee > case.available else Done(repaid, taken - fee, fee)


def _limit(case):
    if case.version < (3, 3):
        return percent(case.debt, 5_000) if case.health > 95 * 10**16 else case.debt

    small = min(case.worth_of_collateral(case.collateral), case.worth_of_debt(case.debt)) < 2 * THOUSAND_DOLLARS
    if small or case.health <= 95 * 10**16:
        return case.debt

    half = percent(case.worth_of_debt(case.debt) + case.other_debt_base, 5_000)
    if case.worth_of_debt(case.debt) <= half:
        return case.debt

    return floor(Fraction(half * case.debt_unit, case.debt_price))


def _fee(case, taken):
    if case.fee == 0:
        return 0

    if case.version >= (3, 7):
        return ceil(Fraction((taken - floor(Fraction(taken * 10_000, case.bonus))) * case.fee, 10_000))

    return percent(taken - percent_of_inverse(taken, case.bonus), case.fee)


def _nothing_left(case, taken, fee):
    if case.version < (3, 3):
        return False

    total = case.worth_of_collateral(case.collateral) + case.other_collateral_base
    if case.version < (3, 7):
        return case.worth_of_collateral(taken) == total

    scaled = sum(ceil(Fraction(part * RAY, case.liquidity_index)) for part in (taken - fee, fee))
    consumed = floor(Fraction(min(scaled, case.scaled_collateral) * case.liquidity_index, RAY))
    return case.worth_of_collateral(consumed) == total
