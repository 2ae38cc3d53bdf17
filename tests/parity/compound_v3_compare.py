"""One case of Compound V3: what the adapter says of it beside what the twin then does, to the unit and by name."""

from keeper.protocols.calls import EXECUTOR
from keeper.protocols.compound_v3 import errors, math
from keeper.protocols.compound_v3.offers import absorb_call
from keeper.protocols.words import encode
from keeper.types import Address, Call, Declined, Health, Offer, PositionKey, Reason
from keeper.units import WAD
from tests.parity.compound_v3_lab import HEAD_S, OTHER, TARGET, USER, logs_of
from tests.parity.twin_comet_lab import STRANGER

KEY = PositionKey(USER)


def check(lab, state, theme, rng):
    """Live one case and compare; returns the branches it met."""
    market, adapter = lab.observed(state), lab.adapters[state["market"]]
    met = {state["market"], theme}
    before = _before(lab, state, theme, rng)
    if before:
        ahead = lab.live(state, (), before)
        assert all(said.ok for said, _ in ahead.ahead), [said for said, _ in ahead.ahead]
        market = adapter.sync.preceding(market, logs_of(ahead.ahead), TARGET)
        same_market(market, ahead.left, met)

    health = adapter.health.health(KEY, market)
    offers = adapter.offers.offers(KEY, market)
    met |= _judged(lab, state, health, before)
    if all(isinstance(one, Declined) for one in offers):
        met |= refused(lab, state, market, offers[0], before)
        offers = adapter.offers.open_offers(market)

    taken = [one for one in offers if isinstance(one, Offer)]
    return met | bought(lab, state, market, taken, before, rng) if taken else met


def _before(lab, state, theme, rng):
    """What others do ahead of us in our block."""
    market = lab.markets[state["market"]]
    comet, base = Address(market.twin), market.base[0]
    supplied = rng.randrange(1, 10**6)
    if theme == "absorbed before us":
        return [(STRANGER, absorb_call(comet, USER))] if rng.random() < 0.5 else []

    if theme != "moves before us":
        return []

    moves = [
        (USER, Call(comet, encode("supply(address,uint256)", base, supplied))),
        (OTHER, Call(comet, encode("withdraw(address,uint256)", base, supplied))),
        (OTHER, Call(comet, encode("transfer(address,uint256)", STRANGER, supplied))),
        (USER, Call(comet, encode("accrueAccount(address)", USER))),
    ]
    token = market.assets[rng.choice(range(len(market.assets)))][0]
    moves.append((USER, Call(comet, encode("supply(address,uint256)", token, rng.randrange(1, 1_000)))))
    return rng.sample(moves, rng.randrange(1, 4))


def _judged(lab, state, health, before):
    """Compare with the contract's own view, which goes by stored indices; only an accrual may tell otherwise."""
    if isinstance(health, Declined):
        return {"undecided"}

    assert isinstance(health, Health)
    assert health.liquidatable == (health.factor_wad < WAD)
    if before:
        return set()

    comet = Address(lab.markets[state["market"]].twin)
    view = [(STRANGER, Call(comet, encode("isLiquidatable(address)", USER)))]
    ((stored, _),) = lab.run(lab.staged(state, HEAD_S), view)
    assert stored.ok
    assert health.liquidatable or not int.from_bytes(stored.data, "big")
    return {"accrual decides"} if health.liquidatable and not int.from_bytes(stored.data, "big") else set()


def refused(lab, state, market, declined, before):
    """What is declined, the contracts refuse, for the same reason."""
    comet = market.listing.comet
    first = next((offset for offset, _ in market.account(KEY).held), 0)
    buy = Call(
        comet,
        encode("buyCollateral(address,uint256,uint256,address)", market.assets[first].listed.asset, 0, 1, EXECUTOR),
    )
    lived = lab.live(state, [absorb_call(comet, USER), buy], before)
    said = [errors.explain(answer.data).split(" ")[0] if not answer.ok else "" for answer, _ in lived.said]
    if declined.reason is Reason.HEALTHY:
        assert said[0] == "NotLiquidatable"
        return {"healthy, refused"}

    if declined.reason is Reason.PAUSED:
        assert said[{"absorb": 0, "buy": 1}[declined.numbers["action"]]] == "Paused"
        return {"paused, refused"}

    if declined.reason in (Reason.UNKNOWN_PRICE, Reason.QUARANTINED):
        assert said[0] == "BadPrice"
        return {"bad price, refused"}

    if declined.reason is Reason.NO_LIQUIDITY:
        assert said == ["", "NotForSale"]
        return {"not for sale, refused"}

    assert declined.reason is Reason.NO_LEGAL_SIZE
    assert said[0] == ""
    return {"nothing to buy"}


def bought(lab, state, market, offers, before, rng):
    """Take one offer, and then what still stands for sale: amounts, events and what is left are the twin's own."""
    adapter = lab.adapters[state["market"]]
    steps, calls, met, sale = [], [], set(), market
    offer = rng.choice(offers)
    while offer is not None and len(steps) < 3:
        size = _size(rng, offer)
        settlement = adapter.offers.settle(offer, size, sale)
        built = adapter.encoder.calls(offer, size, settlement, sale, b"")
        places = range(len(calls) + len(offer.prelude), len(calls) + len(offer.prelude) + len(built))
        calls += [*offer.prelude, *(one.call for one in built)]
        steps.append((offer, size, settlement, places))
        sale = adapter.offers.after(offer, size, sale)
        standing = [one for one in adapter.offers.open_offers(sale) if isinstance(one, Offer)]
        met |= {"the sale ends"} if not sale.is_selling else set()
        offer = rng.choice(standing) if standing else None

    extra = _one_more(sale) if not sale.is_selling else None
    lived = lab.live(state, [*calls, *([extra] if extra else [])], before)
    _permitted(adapter, market, calls)

    for offer, size, settlement, (place,) in steps:
        answer, _ = lived.said[place]
        assert answer.ok, errors.explain(answer.data)
        (paid,), (got,) = settlement.pays, settlement.receives
        assert (-lived.gained(place, paid.token), lived.gained(place, got.token)) == (paid.amount, got.amount)
        assert paid.amount == paid.at_most == size
        told = lived.said[place - len(offer.prelude) : place + 1]
        assert adapter.encoder.realised(offer, logs_of(told)) == settlement

    if extra:
        assert errors.explain(lived.said[-1][0].data).startswith("NotForSale")

    same_market(sale, lived.left, met)
    return met | _named(market, sale, steps, before)


def _size(rng, offer):
    ((low, high),) = offer.sizes
    return rng.choice([low, high, high, rng.randrange(low, high + 1), rng.randrange(low, high + 1)])


def _one_more(sale):
    comet, token = sale.listing.comet, sale.assets[0].listed.asset
    return Call(comet, encode("buyCollateral(address,uint256,uint256,address)", token, 0, 1, EXECUTOR))


def _permitted(adapter, market, calls):
    allowed = {(one.target, one.selector) for one in adapter.encoder.permissions(market)}
    assert {(call.to, call.data[:4]) for call in calls} <= allowed


def _named(market, sale, steps, before):
    """Name what happened, for the count."""
    absorbs = steps[0][0].detail.absorbs
    met = {"one purchase" if len(steps) == 1 else "several purchases"}
    met |= {"absorbed"} if absorbs else {"standing stock"}
    met |= {"all there is"} if any(size == offer.sizes[-1][1] for offer, size, _, _ in steps) else {"in part"}
    if absorbs:
        met.add("surplus left" if sale.account(KEY).principal > 0 else "debt written off")

    if absorbs and not market.is_selling:
        met.add("opened by the absorption")

    if any(offset >= 16 for offset, _ in market.account(KEY).held):
        met.add("beyond sixteen assets")

    return met | ({"behind others"} if before else set())


def same_market(ours, left, met):
    """What the model leaves, the twin has: principals, balances and stock, and the totals as of the target's block.

    An accrual by itself writes no event, and changes nothing there.
    """
    assert ours.now == math.accrued(left.totals, ours.listing.curves, TARGET.timestamp)
    assert [ours.account(PositionKey(user)).principal for user in (USER, OTHER)] == left.principals
    assert (ours.balance, ours.pause_flags) == (left.base_balance, left.pause_flags)
    assert [(one.balance, one.total_supply) for one in ours.assets] == left.assets
    met.add("left alike")
