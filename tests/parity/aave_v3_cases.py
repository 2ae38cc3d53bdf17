"""Random liquidations, each drawn around one rule so that every rule is met often.

A theme only tilts the draw; which rules a case really met is decided by what happened, not by its theme.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

from keeper.protocols.aave_v3 import health, math
from keeper.protocols.aave_v3.account import Account
from keeper.units import RAY, WAD
from tests.parity.aave_v3_lab import KEY

DOLLAR = 10**8
YEAR_S = 31_536_000

COMMON = (
    "half", "half_of_total", "full", "edge_of_close_factor", "small_position", "leftover", "leftover_boundary",
    "all_collateral", "bad_debt", "bad_debt_elsewhere", "emode", "near_one", "one_wei_of_debt", "two_decimals",
    "paused", "inactive", "frozen", "sentinel", "not_collateral", "no_liquidity", "same_asset", "dust",
    "zero_threshold", "unknown_price", "healthy", "small_position", "bad_debt_elsewhere",
)  # fmt: skip
THEMES = {"3.6": (*COMMON, "grace"), "3.0.2": (*COMMON, "emode_price")}


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
    grace_until: int


@dataclass(frozen=True)
class Case:
    """One call of `liquidationCall`, and the world it is made in."""

    theme: str
    timestamp: int
    reserves: dict[int, CaseReserve]
    account: Account
    sequencer_up: bool
    category_price: int | None
    collateral: int
    debt: int
    cover: int


def draw(lab, rng, theme):
    """Draw a case of a theme."""
    now = lab.head.timestamp + rng.choice([1, 12, 3_600, rng.randrange(1, YEAR_S // 12)])
    supplies, debts = _draw_places(lab, rng, theme)
    sizes = _draw_dollars(rng, theme)
    reserves = {place: _draw_reserve(lab, rng, theme, place, now) for place in dict.fromkeys([*supplies, *debts])}
    emode, reserves, category_price = _draw_emode(lab, rng, theme, reserves, (supplies, debts))
    account = Account(emode=emode)
    for place in supplies:
        account = account.with_scaled(place, _scaled(reserves[place], sizes, rng, is_debt=False), is_debt=False)
        idle = theme == "not_collateral" if place == supplies[0] else rng.random() < 0.1
        account = account.with_collateral(place, used=not idle)

    for place in debts:
        account = account.with_scaled(place, _scaled(reserves[place], sizes, rng, is_debt=True), is_debt=True)

    case = Case(theme, now, reserves, account, rng.random() < 0.9, category_price, supplies[0], debts[0], 0)
    case = _aim_health(lab, rng, case)
    case = _disturb(lab, rng, case)
    return replace(case, cover=_draw_cover(lab, rng, case))


def _draw_places(lab, rng, theme):
    places = list(lab.places.values())
    rng.shuffle(places)
    n_supplies = rng.choice([1, 1, 2, 3]) if theme not in ("bad_debt", "bad_debt_elsewhere") else 1
    n_debts = rng.choice([1, 2, 3]) if theme in ("half_of_total", "bad_debt_elsewhere") else rng.choice([1, 1, 2])
    if theme == "zero_threshold":
        n_supplies = 2

    supplies, debts = places[:n_supplies], places[n_supplies : n_supplies + n_debts]
    if theme == "same_asset":
        debts[0] = supplies[0]

    return supplies, debts


def _draw_dollars(rng, theme):
    if theme == "dust":
        return Fraction(rng.randrange(1, 10**6), 10**6)

    if theme == "small_position":
        return Fraction(rng.randrange(300, 2_600))

    if theme == "near_one":
        return Fraction(rng.randrange(10**6, 10**7))

    if theme in ("leftover", "leftover_boundary"):
        return Fraction(rng.randrange(1_500, 9_000))

    return Fraction(10 ** rng.randrange(3, 7) * rng.randrange(10, 90), 10)


def _draw_reserve(lab, rng, theme, place, now):
    base = lab.base.reserves[place]
    decimals = {"two_decimals": 2, "near_one": 18}.get(theme, rng.choice([base.decimals] * 4 + [2, 6, 8, 18]))
    threshold = rng.choice([base.threshold, rng.randrange(4_000, 9_500)])
    bonus = rng.choice([base.bonus, rng.randrange(10_001, 11_500)])
    fee = rng.choice([1_000, 0, rng.randrange(1, 10_000)])
    config = base.config
    for offset, width, value in ((16, 16, threshold), (32, 16, bonus), (48, 8, decimals), (152, 16, fee)):
        config = _with_bits(config, offset, width, value)

    config = _with_bits(config, 168, 8, 0) if not lab.base.rules.emode_bitmap else config
    config = _with_bits(config, 57, 1, int(theme == "frozen"))
    return CaseReserve(
        config=config,
        liquidity_index=rng.choice([RAY, rng.randrange(RAY, 3 * RAY)]),
        liquidity_rate=rng.choice([0, rng.randrange(RAY // 5)]),
        borrow_index=rng.choice([RAY, rng.randrange(RAY, 4 * RAY)]),
        borrow_rate=rng.choice([0, rng.randrange(RAY)]),
        last_update=now - rng.choice([0, 1, 2, 12, rng.randrange(YEAR_S)]),
        price=max(base.price * rng.randrange(10, 300) // 100 + rng.randrange(-99, 100), 1),
        available=10**35,
        grace_until=0,
    )


def _with_bits(word, offset, width, value):
    mask = (1 << width) - 1
    return word & ~(mask << offset) | value << offset


def _draw_emode(lab, rng, theme, reserves, places):
    """Put some positions into a category; up to 3.1 a reserve names its category, and one has its own price."""
    supplies, debts = places
    if theme == "emode_price":
        category, price = 3, rng.randrange(DOLLAR, 5_000 * DOLLAR)
    elif theme == "emode" or rng.random() < 0.1:
        category, price = rng.choice([1, 2]), None
    else:
        return 0, reserves, None

    if not lab.base.rules.emode_bitmap:
        members = {*debts, *(place for place in supplies if rng.random() < 0.7)}
        reserves = {
            place: replace(r, config=_with_bits(r.config, 168, 8, category if place in members else 0))
            for place, r in reserves.items()
        }

    return category, reserves, price


def _scaled(reserve, dollars, rng, *, is_debt):
    unit = 10 ** (reserve.config >> 48 & 0xFF)
    index = reserve.borrow_index if is_debt else reserve.liquidity_index
    exact = dollars * rng.randrange(20, 400) / 100 * DOLLAR * unit * RAY / (reserve.price * index)
    return max(int(exact), 1)


TARGETS = {
    "half": (0.951, 0.9999),
    "half_of_total": (0.951, 0.9999),
    "full": (0.3, 0.949),
    "small_position": (0.951, 0.9999),
    "leftover": (0.6, 0.9999),
    "leftover_boundary": (0.6, 0.9999),
    "all_collateral": (0.5, 0.9),
    "bad_debt": (0.2, 0.75),
    "bad_debt_elsewhere": (0.2, 0.75),
    "healthy": (1.0001, 2.0),
    "margin_call": (1.0001, 1.05),
}


def _aim_health(lab, rng, case):
    """Scale the debts so that the health is where the theme wants it."""
    low, high = TARGETS.get(case.theme, (0.6, 0.9999))
    if case.theme == "near_one":
        wanted = 1 + Fraction(rng.choice([0, 1, -1, rng.randrange(-100, 100), rng.randrange(-(10**6), 10**6)]), WAD)
    elif case.theme == "edge_of_close_factor":
        wanted = Fraction(95, 100) + Fraction(rng.choice([0, 1, -1, rng.randrange(-1_000, 1_000)]), 10**12)
    else:
        wanted = Fraction(rng.uniform(low, high))

    fine = case.theme in ("near_one", "edge_of_close_factor")
    for step in range(6 if fine else 2):
        found = health.totals(case.account, lab.market(case))
        if not isinstance(found, health.Totals) or found.debt_base == 0 or found.factor_wad == 0:
            return case

        factor = Fraction(found.factor_wad, WAD) / wanted
        # First all debts, then the last one alone, which may be owed in finer steps.
        last = case.account.borrowed[-1][0] if fine and step > 0 else None
        account = case.account
        for place, scaled in case.account.borrowed:
            if last is None:
                account = account.with_scaled(place, max(int(scaled * factor), 1), is_debt=True)
            elif place == last:
                r = lab.market(case).reserves[place]
                excess = found.debt_base * (factor - 1)
                more = excess * r.unit * RAY / (r.price * r.debt_index)
                account = account.with_scaled(place, max(scaled + int(more), 1), is_debt=True)

        case = replace(case, account=account)

    return case


def _disturb(lab, rng, case):
    """Set what a theme is about once the position stands."""
    theme, reserves = case.theme, dict(case.reserves)
    victim = rng.choice([case.collateral, case.debt])
    if theme in ("paused", "inactive"):
        bit, value = (60, 1) if theme == "paused" else (56, 0)
        reserves[victim] = replace(reserves[victim], config=_with_bits(reserves[victim].config, bit, 1, value))
    elif theme == "grace":
        until = case.timestamp + rng.choice([-1, 0, 1, 600])
        reserves[victim] = replace(reserves[victim], grace_until=until)
    elif theme == "sentinel":
        return replace(case, sequencer_up=rng.random() < 0.3)
    elif theme == "no_liquidity":
        r = lab.market(case).reserves[case.collateral]
        balance = math.collateral_balance(dict(case.account.supplied)[case.collateral], r.income, lab.base.rules)
        reserves[case.collateral] = replace(reserves[case.collateral], available=balance * rng.randrange(0, 60) // 100)
    elif theme == "unknown_price":
        reserves[victim] = replace(reserves[victim], price=0)
    elif theme == "zero_threshold":
        reserves[case.collateral] = replace(
            reserves[case.collateral], config=_with_bits(reserves[case.collateral].config, 16, 16, 0)
        )
    elif theme == "one_wei_of_debt":
        account = case.account.with_scaled(case.debt, rng.choice([1, 1, 2]), is_debt=True)
        case = replace(case, account=account)

    return replace(case, reserves=reserves)


def _draw_cover(lab, rng, case):
    """Ask for all, for a legal size, for one just outside, or for anything."""
    market = lab.market(case)
    reserve = market.reserves[case.debt]
    scaled = dict(case.account.borrowed)[case.debt]
    debt = math.debt_balance(scaled, reserve.debt_index, market.rules)
    legal = [
        offer
        for offer in lab.adapter.offers.offers(KEY, market)
        if getattr(offer, "sizes", ()) and (offer.detail.collateral, offer.detail.debt) == (case.collateral, case.debt)
    ]
    kinds = ["all", "legal", "outside", "any"]
    if case.theme in ("leftover_boundary", "leftover"):
        kinds = ["outside", "legal", "legal", "any"]
    elif case.theme in ("small_position", "bad_debt", "bad_debt_elsewhere", "no_liquidity"):
        kinds += ["all", "all", "all", "all"]

    kind = rng.choice(kinds)

    if kind == "all" or (kind != "any" and not legal):
        return 2**256 - 1

    if kind == "any":
        return rng.randrange(1, debt * 6 // 5 + 2)

    low, high = rng.choice(legal[0].sizes)
    if kind == "legal":
        return rng.choice([low, high, rng.randrange(low, high + 1)])

    outside = rng.choice([low - 1, high + 1, high + rng.randrange(1, debt // 10 + 2)])
    return min(max(outside, 1), 2**256 - 1)
