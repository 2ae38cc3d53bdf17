"""Random liquidations in random markets, each drawn around one rule so that every rule is met often."""

from dataclasses import replace
from fractions import Fraction

from keeper.protocols.morpho_blue import math
from keeper.protocols.morpho_blue.borrower import Borrower
from keeper.protocols.morpho_blue.math import ORACLE_PRICE_SCALE, Totals
from keeper.protocols.morpho_blue.params import MarketParams
from keeper.units import WAD
from tests.parity.morpho_blue_lab import Case

YEAR_S = 31_536_000
LLTVS = (385, 625, 770, 860, 915, 945, 965, 980)
THEMES = (
    "plain", "full close", "bad debt", "near one", "healthy", "dust", "few shares", "just updated", "wild totals",
    "all collateral", "too much", "last borrower", "part of the shares", "one unit of collateral",
)  # fmt: skip
HEALTH = {
    "full close": (0.97, 0.9999),
    "bad debt": (0.2, 0.8),
    "all collateral": (0.2, 0.95),
    "healthy": (1.0, 2.0),
    "margin call": (1.0001, 1.05),
    "plain": (0.9, 0.9999),
}


def draw(lab, rng, theme):
    """Draw a case of a theme."""
    read_at = lab.now + 100
    elapsed = rng.choice([0, 1, 12, 3_600, rng.randrange(YEAR_S // 6)])
    lltv = rng.choice([rng.choice(LLTVS) * WAD // 1_000, rng.randrange(WAD // 10, WAD)])
    params = MarketParams(lab.loan, lab.collateral, lab.oracle, lab.irm(rng.choice(["mock", "growing", "none"])), lltv)
    debt = rng.randrange(1, 1_000) if theme == "dust" else rng.randrange(10**3, 10 ** rng.randrange(4, 27))
    others = 0 if theme == "last borrower" else debt * rng.choice([0, 1, 10, rng.randrange(10**4)])
    borrow_assets = debt + others
    growth = (
        Fraction(rng.randrange(1, 10**6), 10**6) if theme == "wild totals" else Fraction(rng.randrange(50, 101), 100)
    )
    borrow_shares = max(int(borrow_assets * 10**6 * growth), 1)
    shares = borrow_shares if others == 0 else max(borrow_shares * debt // borrow_assets, 1)
    if theme == "few shares":
        shares = min(shares, rng.randrange(1, 2_000_000))

    supply_assets = borrow_assets + rng.choice([0, 1, rng.randrange(borrow_assets + 1)])
    totals = Totals(
        supply_assets=supply_assets,
        supply_shares=max(int(supply_assets * 10**6 * Fraction(rng.randrange(50, 101), 100)), 1),
        borrow_assets=borrow_assets,
        borrow_shares=borrow_shares,
        last_update=read_at - (0 if theme == "just updated" else elapsed),
        fee=rng.choice([0, WAD // 10, WAD // 4]),
    )
    collateral = rng.randrange(1, 1_000) if theme == "dust" else rng.randrange(10**3, 10 ** rng.randrange(4, 27))
    collateral = 1 if theme == "one unit of collateral" else collateral
    timestamp = read_at + (0 if theme == "just updated" else rng.choice([1, 12, 24]))
    case = Case(theme, params, totals, Borrower(shares, collateral), 1, read_at, timestamp)
    return _with_amount(lab, rng, _aim(lab, rng, case))


def _aim(lab, rng, case):
    """Set the price so that the health is where the theme wants it."""
    now = lab.live(replace(case, seized=1)).market.isolated[case.params.id].now
    owed = math.borrowed(case.borrower.borrow_shares, now)
    if case.theme == "near one":
        health = 1 + Fraction(rng.choice([0, 1, -1, rng.randrange(-100, 100)]), max(owed, 1))
    else:
        health = Fraction(rng.uniform(*HEALTH.get(case.theme, (0.5, 0.9999))))

    price = int(owed * max(health, 0) * WAD * ORACLE_PRICE_SCALE / (case.params.lltv * case.borrower.collateral))
    return replace(case, price=max(price, 1))


def _with_amount(lab, rng, case):
    """Ask for a legal size, all shares, one too much, or part of the shares."""
    now = lab.live(replace(case, seized=1)).market.isolated[case.params.id].now
    owner = case.borrower
    price, lltv = case.price, case.params.lltv
    most = min(owner.collateral, math.seized_for(owner.borrow_shares, now, price, lltv))
    if case.theme in ("full close", "last borrower"):
        return replace(case, repaid_shares=owner.borrow_shares)

    if case.theme in ("all collateral", "bad debt"):
        return replace(case, seized=owner.collateral)

    if case.theme == "too much":
        return rng.choice([replace(case, seized=most + 1), replace(case, repaid_shares=owner.borrow_shares + 1)])

    if case.theme == "part of the shares":
        return replace(case, repaid_shares=rng.randrange(1, owner.borrow_shares + 1))

    amounts = [1, most, rng.randrange(1, most + 2), most + 1, max(most - 1, 1)]
    if rng.random() < (0.7 if case.theme == "one unit of collateral" else 0.3):
        return replace(case, repaid_shares=owner.borrow_shares)

    return replace(case, seized=max(rng.choice(amounts), 1))
