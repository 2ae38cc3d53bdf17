"""The adapter against the protocol's twin, on random accounts, prices and times.

Each case is read at one time and taken over at a later one. What the adapter says of health, of what may be
withdrawn, and of what is left of both accounts, the index and the insurance fund must be the chain's numbers.
"""

import pytest

from keeper.protocols.dydx_perpetual import abi, errors, math, offers, settle, trade
from keeper.protocols.dydx_perpetual.account import kept
from keeper.protocols.dydx_perpetual.health import decide
from keeper.protocols.dydx_perpetual.market import terms_of
from keeper.protocols.dydx_perpetual.takeover import room
from keeper.protocols.words import encode
from keeper.types import Address, Call, Declined, PositionKey, Reason
from tests.parity.drawn import Suite, run
from tests.parity.dydx_perpetual_cases import draw
from tests.parity.dydx_perpetual_lab import Lab
from tests.parity.twin_dydx_lab import TAKER

BRANCHES = {
    "healthy", "long", "short", "whole", "part", "a unit from the bound", "underwater", "no position", "closed",
    "fired", "no price", "nothing to take with", "kept collateral bounds it", "unprofitable",
    "opposite position reduced", "opposite position closed", "in debt before", "funding paid", "funding received",
    "no funding", "no fee", "fee",
    "lower address", "higher address", "exit cost kept", "one unit more is refused",
}  # fmt: skip


def whole_call(lab, case):
    """A takeover of everything there is, whatever the adapter thinks of it."""
    held = case.theirs.balance.position
    is_buy = held.is_positive
    ends = case.ours.balance.position.number + held.number
    arguments = (case.maker, Address(TAKER), int(is_buy), abs(ends), int(ends > 0))
    return Call(lab.proxy, encode(abi.LIQUIDATE, *arguments))


def check(lab, case):
    """Compare a case with what the adapter says, and name the branches it took."""
    adapter, market = lab.read(case)
    key = PositionKey(bytes(case.maker))
    standing = decide(key, market)
    if case.theme == "no price":
        assert standing.reason is Reason.QUARANTINED
        return {"no price"}

    (found,) = offers.offers(key, market)
    if isinstance(found, Declined):
        return check_declined(lab, case, market, found)

    size = max(found.sizes[0][1] * case.part // 1_000, 1)
    settled = adapter.offers.settle(found, size, market)
    calls = [one.call for one in adapter.encoder.calls(found, size, settled, market, b"")]
    lived = lab.live(case, calls)
    assert lived.ok == (True, True), errors.explain(lived.revert)
    assert adapter.encoder.realised(found, lived.logs) == settled
    assert lived.paid == size
    after = adapter.offers.after(found, size, market)
    assert after.account(key) == lived.theirs
    assert after.account(after.taker_key) == lived.ours
    index = terms_of(market).current
    assert (index.timestamp, int(index.value.is_positive), index.value.value) == lived.index
    done = settle.taken(found, size, market)
    assert lived.fund == done.done.fee
    return branches(lab, case, market, (found, size, done))


def check_declined(lab, case, market, declined):
    """Nothing is offered: the contract refuses as well, or it is the operator's own bounds that do."""
    key = PositionKey(bytes(case.maker))
    standing = decide(key, market)
    lived = lab.live(case, [whole_call(lab, case)])
    said = errors.explain(lived.revert).split(" (")[0]
    match declined.reason:
        case Reason.HEALTHY:
            nothing = case.theirs.balance.position.value == 0
            assert said == (trade.PAST_MAX_POSITION if nothing else market.rules.refuses or trade.HEALTHY)
            return {"healthy"} | near(standing, market)
        case Reason.PAUSED:
            # The proxy's own deposit is what final settlement refuses; a proxy without its role may not trade.
            assert said == market.rules.refuses
            return {case.theme}
        case Reason.BAD_DEBT:
            assert standing.underwater
            return {"underwater"}
        case Reason.NO_LEGAL_SIZE:
            assert said in (trade.NO_POSITION, trade.PAST_MAX_POSITION)
            return {"no position"}
        case Reason.UNPROFITABLE:
            assert room(key, market).payout < 1
            return {"unprofitable"}
        case Reason.NO_FUNDING:
            return check_unfunded(lived, said, market)

    raise AssertionError(declined)


def check_unfunded(lived, said, market):
    """The margin account could not take a unit, by the contract's rules or by what it is meant to keep."""
    assert lived.ok[0] or said.startswith(("account is undercollateralized", trade.NOT_COLLATERALIZED))
    assert not lived.ok[0] or market.taker.collateral_bps > 10_000
    return {"nothing to take with"}


def near(standing, market):
    gap = standing.positive * 10**18 - standing.negative * market.rules.min_collateral
    return {"a unit from the bound"} if abs(gap) <= 3 * 10**36 else set()


def branches(lab, case, market, taken):
    (found, size, done), key = taken, PositionKey(bytes(case.maker))
    before, after = done.done.before.position, done.done.taker.position
    theirs = case.theirs.balance.position
    most = room(key, market).most
    settled = math.settled(case.theirs.balance, case.theirs.settled_at, terms_of(market).current).credit
    found_branches = {
        "long": theirs.is_positive,
        "short": not theirs.is_positive,
        "whole": done.amount == theirs.value,
        "part": done.amount < theirs.value,
        "kept collateral bounds it": most < theirs.value and before.value == 0,
        "opposite position reduced": before.value > after.value > 0,
        "opposite position closed": before.value > after.value == 0,
        "in debt before": before.value > 0 and after.value > before.value,
        "funding paid": settled is not None and not settled.is_positive,
        "funding received": settled is not None and settled.is_positive,
        "no funding": case.rate.value == 0,
        "fee": done.done.fee > 0,
        "no fee": case.insurance_fee == 0,
        "lower address": case.maker < TAKER,
        "higher address": case.maker > TAKER,
        "exit cost kept": case.taker.exit_cost_bps > 0 and done.grows,
    }
    named = {name for name, holds in found_branches.items() if holds} | near(decide(key, market), market)
    if size == found.sizes[0][1] and most < theirs.value and market.taker.collateral_bps == 10_000:
        named |= refused_beyond(lab, case, market, found)

    return named


def refused_beyond(lab, case, market, found):
    """Where the contract's own margin bounds it, it refuses to let more be taken and as much withdrawn."""
    key = PositionKey(bytes(case.maker))
    more = room(key, market).most + max(room(key, market).most // 50, 2)
    held, ours = case.theirs.balance.position, case.ours.balance.position
    if ours.value or more > held.value:
        return set()

    ends = more if held.is_positive else -more
    arguments = (case.maker, Address(TAKER), int(held.is_positive), abs(ends), int(ends > 0))
    out = Call(lab.perpetual, encode(abi.WITHDRAW, Address(TAKER), Address(b"\1" * 20), found.sizes[0][1]))
    lived = lab.live(case, [Call(lab.proxy, encode(abi.LIQUIDATE, *arguments)), out])
    assert not all(lived.ok)
    return {"one unit more is refused"}


@pytest.fixture(scope="module")
def lab(packages):
    lab = Lab(packages)
    yield lab
    lab.stop()


SUITE = Suite("dYdX perpetual", ("any",), BRANCHES)


def drawn(lab, count, seed):
    """Take over, or try to, so many cases."""
    return run(SUITE, count, seed, lambda _place, _theme, rng: check(lab, draw(rng)))


@pytest.mark.anvil
def test_a_hundred_random_takeovers_move_what_the_adapter_says(lab):
    seen = drawn(lab, 100, 20_260_301)
    assert seen["whole"] + seen["part"] >= 30


@pytest.mark.anvil
@pytest.mark.full
@pytest.mark.timeout(1_800)
def test_a_thousand_random_takeovers_move_what_the_adapter_says(lab, random_seed):
    seen = drawn(lab, 1_000, random_seed)
    assert set(seen) >= BRANCHES, BRANCHES - set(seen)


def test_kept_accounts_have_no_index_without_a_position():
    assert kept(math.EMPTY, math.Index(5, math.ZERO)).settled_at == math.NEVER
