"""Random liquidations on Aave V2, each drawn around one rule so that every rule is met often.

A theme only tilts the draw; which rules a case really met is decided by what happened, not by its theme.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

from keeper.protocols.aave_v2 import health
from keeper.protocols.aave_v2.account import Account, StableDebt
from keeper.units import MAX_UINT256, RAY, WAD
from tests.parity.aave_v3_lab import KEY

YEAR_S = 31_536_000
THEMES = (
    "half", "all_collateral", "stable", "mixed", "mixed_small_variable", "near_one", "one_wei_of_debt", "two_decimals",
    "paused", "inactive", "frozen", "not_collateral", "no_liquidity", "same_asset", "dust", "zero_threshold",
    "unknown_price", "healthy", "no_earnings", "all_collateral_stable", "mixed", "no_earnings_long",
)  # fmt: skip
STABLE_THEMES = {"stable", "mixed", "mixed_small_variable", "all_collateral_stable"}


@dataclass(frozen=True)
class CaseReserve:
    """A reserve as the case sets it, in the contract's own words."""

    config: int
    liquidity_index: int
    liquidity_rate: int
    borrow_index: int
    borrow_rate: int
    last_update: int
    price: int
    available: int


@dataclass(frozen=True)
class Case:
    """One call of `liquidationCall`, and the world it is made in."""

    theme: str
    timestamp: int
    reserves: dict[int, CaseReserve]
    account: Account
    paused: bool
    collateral: int
    debt: int
    cover: int


def draw(lab, rng, theme):
    """Draw a case of a theme."""
    now = lab.head.timestamp + rng.choice([1, 12, rng.randrange(1, YEAR_S)])
    places = list(lab.places.values())
    rng.shuffle(places)
    n_supplies = 2 if theme == "zero_threshold" else rng.choice([1, 1, 2, 3])
    supplies, debts = places[:n_supplies], places[n_supplies : n_supplies + rng.choice([1, 1, 2])]
    if theme == "same_asset":
        debts[0] = supplies[0]

    ether = Fraction(10 ** rng.randrange(0, 4) * rng.randrange(10, 90), 10)
    if theme == "dust":
        ether = Fraction(rng.randrange(1, 10**6), 10**15)

    reserves = {place: _draw_reserve(lab, rng, theme, place, now) for place in dict.fromkeys([*supplies, *debts])}
    account = Account()
    for place in supplies:
        account = account.with_supplied(place, _scaled(reserves[place], ether, rng, is_debt=False))
        idle = theme == "not_collateral" if place == supplies[0] else rng.random() < 0.1
        account = account.with_collateral(place, used=not idle)

    for place in debts:
        account = _owing(account, place, reserves[place], ether, (rng, theme, now))

    case = Case(theme, now, reserves, account, theme == "paused", supplies[0], debts[0], 0)
    case = _aim_health(lab, rng, case)
    case = _disturb(lab, rng, case)
    return replace(case, cover=_draw_cover(lab, rng, case))


def _draw_reserve(lab, rng, theme, place, now):
    base = lab.base.reserves[place]
    decimals = {"two_decimals": 2, "near_one": 18}.get(theme, rng.choice([base.decimals] * 4 + [2, 6, 8, 18]))
    config = base.config
    for offset, width, value in (
        (16, 16, rng.choice([base.threshold, rng.randrange(4_000, 9_500)])),
        (32, 16, rng.choice([base.bonus, rng.randrange(10_001, 11_500)])),
        (48, 8, decimals),
        (57, 1, int(theme == "frozen")),
    ):
        config = _with_bits(config, offset, width, value)

    price = max(base.price * rng.randrange(10, 300) // 100 + rng.randrange(-99, 100), 1)
    earns_nothing = theme.startswith("no_earnings")
    elapsed = YEAR_S * rng.randrange(1, 4) if theme == "no_earnings_long" else rng.choice([0, 1, 2, 12, YEAR_S // 3])
    return CaseReserve(
        config=config,
        liquidity_index=rng.choice([RAY, rng.randrange(RAY, 3 * RAY)]),
        liquidity_rate=0 if earns_nothing else rng.choice([0, rng.randrange(RAY // 5), rng.randrange(RAY // 5)]),
        borrow_index=rng.choice([RAY, rng.randrange(RAY, 4 * RAY)]),
        borrow_rate=rng.randrange(RAY // 2, RAY) if earns_nothing else rng.choice([0, rng.randrange(RAY)]),
        last_update=now - elapsed,
        price=price if base.asset != lab.base.base.token else WAD,
        available=10**35,
    )


def _with_bits(word, offset, width, value):
    mask = (1 << width) - 1
    return word & ~(mask << offset) | value << offset


def _scaled(reserve, ether, rng, *, is_debt):
    unit = 10 ** (reserve.config >> 48 & 0xFF)
    index = reserve.borrow_index if is_debt else reserve.liquidity_index
    exact = ether * rng.randrange(20, 400) / 100 * WAD * unit * RAY / (reserve.price * index)
    return max(int(exact), 1)


def _owing(account, place, reserve, ether, chance):
    """Add a debt at one rate or both."""
    rng, theme, now = chance
    scaled = _scaled(reserve, ether, rng, is_debt=True)
    stable = theme in STABLE_THEMES or rng.random() < 0.1
    if not stable or theme in ("mixed", "mixed_small_variable"):
        # Where it is small, half of the whole debt pays all of it and some of the stable one.
        share = 100 if theme == "mixed_small_variable" else 1
        account = account.with_borrowed(place, max(scaled // share, 1))

    if not stable:
        return account

    rate, since = rng.choice([0, rng.randrange(RAY // 2)]), now - rng.choice([0, 1, 12, rng.randrange(YEAR_S)])
    return account.with_stable(StableDebt(place, max(scaled * reserve.borrow_index // RAY, 1), rate, since))


TARGETS = {
    "all_collateral": (0.3, 0.6),
    "all_collateral_stable": (0.3, 0.6),
    "healthy": (1.0001, 2.0),
    "margin_call": (1.0001, 1.05),
}


def _aim_health(lab, rng, case):
    """Scale the debts so that the health is where the theme wants it."""
    wanted = Fraction(rng.uniform(*TARGETS.get(case.theme, (0.6, 0.9999))))
    fine = case.theme == "near_one"
    if fine:
        wanted = 1 + Fraction(rng.choice([0, 1, -1, rng.randrange(-100, 100), rng.randrange(-(10**6), 10**6)]), WAD)

    for step in range(6 if fine else 2):
        found = health.totals(case.account, lab.market(case))
        if not isinstance(found, health.Totals) or found.debt_base == 0 or found.factor_wad == 0:
            return case

        factor = Fraction(found.factor_wad, WAD) / wanted
        account = case.account
        last = account.debts()[-1] if fine and step > 0 else None
        for place, scaled in account.borrowed:
            if last is None:
                account = account.with_borrowed(place, max(int(scaled * factor), 1))
            elif place == last:
                # The last debt alone, which may be owed in finer steps.
                r = lab.market(case).reserves[place]
                more = found.debt_base * (factor - 1) * r.unit * RAY / (r.price * r.debt_index)
                account = account.with_borrowed(place, max(scaled + int(more), 1))

        for debt in account.stable:
            if last is None:
                account = account.with_stable(debt._replace(principal=max(int(debt.principal * factor), 1)))

        case = replace(case, account=account)

    return case


def _disturb(lab, rng, case):
    """Set what a theme is about once the position stands."""
    theme, reserves = case.theme, dict(case.reserves)
    victim = rng.choice([case.collateral, case.debt])
    if theme == "inactive":
        reserves[victim] = replace(reserves[victim], config=_with_bits(reserves[victim].config, 56, 1, 0))
    elif theme == "no_liquidity":
        balance = health.supply_of(case.account, case.collateral, lab.market(case))
        reserves[case.collateral] = replace(reserves[case.collateral], available=balance * rng.randrange(0, 60) // 100)
    elif theme == "unknown_price":
        priced = [place for place in (case.collateral, case.debt) if place in lab.price]
        reserves[priced[0]] = replace(reserves[priced[0]], price=0)
    elif theme == "zero_threshold":
        config = _with_bits(reserves[case.collateral].config, 16, 16, 0)
        reserves[case.collateral] = replace(reserves[case.collateral], config=config)
    elif theme == "one_wei_of_debt" and not case.account.stable:
        case = replace(case, account=case.account.with_borrowed(case.debt, rng.choice([1, 1, 2])))

    return replace(case, reserves=reserves)


def _draw_cover(lab, rng, case):
    """Ask for all, for a legal size, for one just outside, or for anything."""
    market = lab.market(case)
    owed = sum(health.debt_of(case.account, case.debt, market))
    legal = [
        offer
        for offer in lab.adapter.offers.offers(KEY, market)
        if getattr(offer, "sizes", ()) and (offer.detail.collateral, offer.detail.debt) == (case.collateral, case.debt)
    ]
    kind = rng.choice(["all", "all", "legal", "outside", "any"])
    if kind == "all" or (kind != "any" and not legal):
        return MAX_UINT256

    if kind == "any":
        return rng.randrange(1, owed * 6 // 5 + 2)

    low, high = rng.choice(legal[0].sizes)
    if kind == "legal":
        return rng.choice([low, high, rng.randrange(low, high + 1)])

    outside = rng.choice([low - 1, high + 1, high + rng.randrange(1, owed // 10 + 2)])
    return min(max(outside, 1), MAX_UINT256)
