"""Random accounts by theme, each placed where its theme wants it by the deposit it gets."""

from dataclasses import replace

from keeper.protocols.perp_curie import takeover
from keeper.protocols.perp_curie.account import Account, Holding
from keeper.protocols.perp_curie.health import weigh
from keeper.types import Declined, PositionKey
from keeper.units import WAD
from tests.parity.perp_curie_lab import PLEDGER, USER, Case

UNIT = 10**12
"""A unit of the settlement token, US dollars times 10**18."""
THEMES = (
    "half", "full", "underwater", "near one", "near half", "healthy", "small", "two markets", "pledged", "orders",
    "part", "large", "two markets, half", "orders, full",
)  # fmt: skip


def draw(lab, rng, theme):
    """Draw a case of a theme, its account written to the chain."""
    timestamp = lab.market.head.timestamp + rng.choice([1, 2, 12, 24, 300, rng.randrange(1, 3_000)])
    if theme.startswith("orders"):
        trader = rng.choice(lab.makers)
        account = lab.read(trader)
        case = Case(theme, trader, rng.choice([base for base, _ in account.holdings]), timestamp)
    else:
        trader = PLEDGER if theme == "pledged" else USER
        account = _taker(lab, rng, theme)
        case = Case(theme, trader, account.holdings[0][0], timestamp)
        lab.write(trader, account)
        account = lab.read(trader)

    _place(lab, rng, case, account)
    return replace(case, size=_size(lab, rng, case))


def _taker(lab, rng, theme) -> Account:
    bases = list(lab.bases)
    rng.shuffle(bases)
    if not theme.startswith("two markets"):
        bases = bases[:1]

    holdings = []
    for base in bases:
        one = lab.market.instruments[base]
        dollars = {"small": rng.uniform(2, 130), "large": rng.uniform(10**6, 10**8)}.get(
            theme, rng.uniform(200, 300_000)
        )
        size = int(dollars * WAD * WAD / one.price) * rng.choice([1, -1])
        notional = -size * one.price // WAD * rng.randrange(700, 1_300) // 1_000
        growth = one.growth.premium_x96 + rng.randrange(-(10**33), 10**33)
        holdings.append((base, Holding(size, notional, growth)))

    return Account(0, rng.randrange(-(10**21), 10**21), (), tuple(holdings))


def _place(lab, rng, case, account):
    """Give the account the deposit that brings it where the theme wants it."""
    key = PositionKey(bytes(case.trader))
    bare = replace(account, balance=0)
    found = weigh(key, bare, lab.market_with(bare, case))
    assert not isinstance(found, Declined), found
    need, exact = found.requirement, found.collateral_value + found.unrealized
    wanted = {
        "full": rng.uniform(0, 0.49),
        "orders, full": rng.uniform(0, 0.49),
        "underwater": rng.uniform(-1, 0),
        "healthy": rng.uniform(1, 2),
        "margin call": rng.uniform(1.0001, 1.05),
        "part": rng.uniform(0.2, 1),
    }.get(case.theme, rng.uniform(0.5, 0.999))
    target = int(need * wanted)
    if case.theme.startswith("near"):
        edge = need if case.theme == "near one" else need // 2
        target = edge + rng.choice([0, 1, -1, UNIT, -UNIT])

    lab.set_balance(case.trader, (target - exact) // UNIT + rng.choice([0, 1]) * case.theme.startswith("near"))


def _size(lab, rng, case):
    """All that may be taken, more, or part of it; with the position's sign."""
    key = PositionKey(bytes(case.trader))
    account = lab.read(case.trader)
    found = takeover.entered(key, case.base, lab.market_with(account, case))
    held = account.holding(case.base).size
    if isinstance(found, Declined):
        return held

    most = found.most
    if most == 0:
        return held

    parts = [most, most, most * 2, most * rng.randrange(1, 1_000) // 1_000, most - 1]
    return (most * rng.randrange(1, 100) // 100 if case.theme == "part" else rng.choice(parts)) or most
