"""Random liquidations on Venus, each drawn around one rule so that every rule is met often.

A theme only tilts the draw; which rules a case really met is decided by what happened, not by its theme.
"""

from dataclasses import replace
from fractions import Fraction

from keeper.protocols.compound_v2 import health, math
from keeper.protocols.compound_v2.account import Account, Loan
from keeper.protocols.compound_v2.math import Totals
from keeper.types import Declined, Offer
from keeper.units import MAX_UINT256, WAD
from tests.parity.aave_v3_lab import KEY
from tests.parity.compound_v2_lab import NATIVE, Case, CaseMarket

THEMES = (
    "plain", "near_one", "few_tokens", "no_cash", "unknown_price", "paused", "protocol_paused", "not_entered",
    "same_market", "native_debt", "native_collateral", "guarded", "restricted", "redeem_fee", "two_decimals", "healthy",
    "dust", "third_stale", "odd_repay", "worthless", "fresh", "guarded", "more_than_all", "native_guarded",
    "third_stale", "odd_repay", "no_cash", "more_than_all", "redeem_fee", "few_tokens",
)  # fmt: skip
REDEEM, REPAY, SEIZE, LIQUIDATE = 1, 3, 4, 5


def draw(lab, rng, theme):
    """Draw a case of a theme."""
    symbols = [symbol for symbol in lab.places if symbol != NATIVE]
    rng.shuffle(symbols)
    if theme.startswith("native"):
        symbols.insert(1 if theme == "native_debt" or rng.random() < 0.3 else 0, NATIVE)

    if theme == "two_decimals":
        symbols.remove("GUSD")
        symbols.insert(rng.choice([0, 1]), "GUSD")

    if NATIVE in symbols and "WETH" in symbols:
        symbols.remove("WETH")  # both have one price

    places = [lab.places[symbol] for symbol in symbols]
    collateral, debt = places[0], places[0] if theme == "same_market" else places[1]
    others = places[2 : 2 + rng.choice([0, 0, 1, 2])] if theme != "third_stale" else places[2:4]
    dollars = Fraction(10 ** rng.randrange(1, 6) * rng.randrange(10, 90), 10)
    if theme == "dust":
        dollars = Fraction(rng.randrange(1, 10**6), 10**9)

    markets = {place: _draw_market(lab, rng, theme, place) for place in dict.fromkeys([collateral, debt, *others])}
    case = Case(
        theme=theme,
        markets=markets,
        account=_draw_account(lab, rng, (theme, dollars), (collateral, debt, others), markets),
        close_factor=rng.choice([WAD // 2, WAD // 2, rng.randrange(WAD // 20, WAD * 9 // 10)]),
        incentive=rng.choice([WAD * 108 // 100, rng.randrange(WAD, WAD * 3 // 2)]),
        redeem_fee=rng.randrange(WAD // 10) if theme == "redeem_fee" else 0,
        percent=rng.choice([0, WAD // 20, rng.randrange(WAD // 5)])
        if "guarded" in theme or theme == "restricted"
        else None,
        protocol_paused=theme == "protocol_paused",
        collateral=collateral,
        debt=debt,
        repay=0,
    )
    case = _aim(lab, rng, case)
    case = _disturb(lab, rng, case)
    return replace(case, repay=_draw_repay(lab, rng, case))


def _draw_market(lab, rng, theme, place):
    base = lab.base.tokens[place]
    decimals = base.listing.decimals
    rate = rng.randrange(WAD // 50, WAD // 25) * 10**decimals // 10**8
    supply = rng.randrange(10**16, 10**19)
    total = supply * rate // WAD
    borrows = total * rng.randrange(1, 90) // 100
    reserves = total * rng.randrange(5) // 100
    head = lab.head.number
    # From the block aimed for itself to long ago.
    stale = {"fresh": -1, "third_stale": rng.randrange(100, 300)}.get(theme, rng.choice([0, 1, rng.randrange(300)]))
    totals = Totals(
        cash=total - borrows + reserves,
        borrows=borrows,
        reserves=reserves,
        supply=supply,
        borrow_index=rng.choice([WAD, rng.randrange(WAD, 4 * WAD)]),
        accrued_at=head - stale,
    )
    price = base.price // base.listing.scale
    return CaseMarket(
        totals=totals,
        rate=rng.choice([0, rng.randrange(math.BORROW_RATE_MAX // 100), rng.randrange(math.BORROW_RATE_MAX)]),
        reserve_factor=rng.choice([0, WAD // 10, rng.randrange(WAD)]),
        factor=rng.randrange(WAD // 4, WAD * 9 // 10),
        answer=max(price * rng.randrange(10, 300) // 100 + rng.randrange(-99, 100), 1),
    )


def _draw_account(lab, rng, wanted, places, markets):
    theme, dollars = wanted
    collateral, debt, others = places
    account = Account()
    idle = theme == "not_entered"
    account = account.with_tokens(collateral, _tokens(lab, markets, collateral, dollars, rng))
    account = account.with_entered(collateral, entered=not idle)
    account = account.with_loan(_loan(lab, markets, debt, dollars, rng)).with_entered(debt, entered=True)
    for i, place in enumerate(others):
        if i % 2 == 0:
            account = account.with_tokens(place, _tokens(lab, markets, place, dollars, rng))

        if i % 2 == 1 or rng.random() < 0.3:
            account = account.with_loan(_loan(lab, markets, place, dollars, rng))

        account = account.with_entered(place, entered=True)

    if idle and not others:
        # Something else backs the debt, or there is no shortfall to aim at.
        account = account.with_tokens(debt, _tokens(lab, markets, debt, dollars / 10, rng))

    return account


def _tokens(lab, markets, place, dollars, rng):
    price = Fraction(markets[place].answer * lab.base.tokens[place].listing.scale, WAD * WAD)
    rate = Fraction(math.exchange_rate(markets[place].totals, 0), WAD)
    return max(int(dollars * rng.randrange(20, 400) / 100 / price / rate), 1)


def _loan(lab, markets, place, dollars, rng):
    price = Fraction(markets[place].answer * lab.base.tokens[place].listing.scale, WAD * WAD)
    index = rng.randrange(WAD, markets[place].totals.borrow_index + 1)
    balance = dollars * rng.randrange(20, 400) / 100 / price
    return Loan(place, max(int(balance * index / markets[place].totals.borrow_index), 1), index)


TARGETS = {"few_tokens": (0.2, 0.5), "healthy": (1.0001, 2.0), "margin_call": (1.0001, 1.05)}


def _aim(lab, rng, case):
    """Scale the debts so that the health of the pair is where the theme wants it."""
    wanted = Fraction(rng.uniform(*TARGETS.get(case.theme, (0.6, 0.9999))))
    fine = case.theme in ("near_one", "third_stale")
    if fine:
        wanted = 1 + Fraction(rng.choice([0, 1, -1, rng.randrange(-(10**9), 10**9)]), WAD)

    for step in range(8 if fine else 2):
        weighed = health.weigh(KEY, lab.market_of(case))
        if isinstance(weighed, Declined):
            return case

        standing = weighed.between(case.collateral, case.debt)
        if standing.required == 0 or standing.cover == 0:
            return case

        excess = Fraction(standing.cover) / wanted - standing.required
        account = case.account
        if step == 0:
            factor = Fraction(standing.cover, standing.required) / wanted
            for loan in account.borrowed:
                account = account.with_loan(loan._replace(principal=max(int(loan.principal * factor), 1)))
        else:
            token = lab.market_of(case).tokens[case.debt]
            loan = account.loan_in(case.debt)
            more = excess * WAD / token.price * loan.interest_index / token.now.borrow_index
            account = account.with_loan(loan._replace(principal=max(loan.principal + int(more), 1)))

        case = replace(case, account=account)

    return case


def _disturb(lab, rng, case):
    """Set what a theme is about once the position stands."""
    theme, markets = case.theme, dict(case.markets)
    c, d = case.collateral, case.debt
    if theme == "unknown_price":
        victim = rng.choice(list(markets))
        markets[victim] = replace(markets[victim], answer=0)
    elif theme == "paused":
        place, action = rng.choice([(c, SEIZE), (c, REDEEM), (d, REPAY), (d, LIQUIDATE)])
        markets[place] = replace(markets[place], paused=frozenset({action}))
    elif theme == "no_cash":
        worth = case.account.tokens_in(c) * math.exchange_rate(markets[c].totals, 0) // WAD
        left = min(worth * rng.randrange(0, 30) // 100, markets[c].totals.cash)
        moved = markets[c].totals.cash - left
        totals = replace(markets[c].totals, cash=left, borrows=markets[c].totals.borrows + moved)
        markets[c] = replace(markets[c], totals=totals)
    elif theme == "few_tokens":
        few = max(case.account.tokens_in(c) // rng.randrange(2, 1_000), 1)
        case = replace(case, account=case.account.with_tokens(c, few))
    elif theme == "restricted":
        case = replace(case, account=replace(case.account, restricted=True))
    elif theme == "worthless":
        case = replace(case, account=case.account.with_tokens(c, rng.randrange(1, 4)))
    elif theme == "more_than_all":
        # What borrowers owe one by one may exceed what the market counts.
        owed = health.owed(case.account, d, lab.market_of(case))
        totals = replace(markets[d].totals, borrows=max(owed * rng.randrange(1, 20) // 100, 1))
        markets[d] = replace(markets[d], totals=totals)

    return replace(case, markets=markets)


def _draw_repay(lab, rng, case):
    """Ask for a legal size, for one just outside, or for anything."""
    market = lab.market_of(case)
    owed = health.owed(case.account, case.debt, market)
    legal = [
        offer
        for offer in lab.adapter.offers.offers(KEY, market)
        if isinstance(offer, Offer) and (offer.detail.collateral, offer.detail.debt) == (case.collateral, case.debt)
    ]
    if case.theme == "odd_repay":
        return rng.choice([0, MAX_UINT256])

    if case.theme in ("no_cash", "more_than_all", "few_tokens") and rng.random() < 0.7:
        return math.max_close(owed, case.close_factor) * rng.randrange(50, 101) // 100 + 1

    kind = rng.choice(["high", "high", "high", "legal", "outside", "any"])
    if kind == "any" or not legal:
        return rng.randrange(1, owed * 6 // 5 + 2)

    low, high = rng.choice(legal[0].sizes)
    if kind == "high":
        return high

    if kind == "legal":
        return rng.choice([low, rng.randrange(low, high + 1)])

    return max(rng.choice([low - 1, high + 1, high + rng.randrange(1, owed // 10 + 2)]), 1)
