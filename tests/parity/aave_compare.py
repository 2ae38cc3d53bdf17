"""What both Aave releases are compared by: one liquidation lived through, and the adapter's word on it."""

from dataclasses import dataclass

from keeper.types import Declined, Offer, OfferKind, Reason, Returned, to_checksum
from tests.parity.aave_v3_lab import KEY, LIQUIDATOR, USER


@dataclass(frozen=True)
class Lived:
    """What the chain did with a case."""

    ok: bool
    revert: bytes
    logs: list
    before: tuple | None
    after: tuple | None
    account: object


def live(lab, case, call, health, accounts):
    """Ask for the health, liquidate, and ask again; `accounts` is a read of what the position then is."""
    questions = next(accounts)
    calls = [(USER, health), (LIQUIDATOR, call), (USER, health), *((USER, q) for q in questions)]
    (read_before, before, _), (ok, revert, logs), (read_after, after, _), *answers = lab.simulate(case, calls)
    account = finish(accounts, answers)[KEY]
    return Lived(
        ok, revert, logs, words(before) if read_before else None, words(after) if read_after else None, account
    )


def finish(read, answers):
    """Give a read its last answers, and take what it read."""
    try:
        read.send(tuple(Returned(ok, data) for ok, data, _ in answers))
    except StopIteration as stop:
        return stop.value

    raise AssertionError("another round of reads")


def words(data):
    return tuple(int.from_bytes(data[i : i + 32], "big") for i in range(0, len(data), 32))


def weighed(lab, case, lived):
    """The market, the health and the adapter's word on the pair; None where the price is unknown to both."""
    market, adapter = lab.market(case), lab.adapter
    health = adapter.health.health(KEY, market)
    if isinstance(health, Declined):
        assert health.reason is Reason.UNKNOWN_PRICE
        assert lived.before is None
        assert not lived.ok
        return None

    assert (health.collateral_base, health.debt_base, health.factor_wad) == (*lived.before[:2], lived.before[5])
    return market, health, verdict_of(adapter.offers.offers(KEY, market), case, market)


def verdict_of(found, case, market):
    """What the adapter says about the case's own pair, or about the whole position."""
    pair = (case.collateral, case.debt)
    names = {
        "collateral": to_checksum(market.reserves[pair[0]].asset),
        "debt": to_checksum(market.reserves[pair[1]].asset),
    }
    about = []
    for verdict in found:
        if isinstance(verdict, Offer):
            about += [verdict] if (verdict.detail.collateral, verdict.detail.debt) == pair else []
        elif all(verdict.numbers.get(side, name) == name for side, name in names.items()):
            about.append(verdict)

    (only,) = about
    return only


def check_moved(lab, case, lived, moved, market):
    """What is settled is what the logs say, and what is left what the chain has; `moved` is pair and prediction."""
    pair, predicted = moved
    debt, collateral = (market.reserves[place].asset for place in (case.debt, case.collateral))
    offer = Offer("parity", OfferKind.SEIZE, KEY, debt, collateral, debt, (), pair)
    settled = lab.adapter.offers.settle(offer, case.cover, market)
    realised = lab.adapter.encoder.realised(offer, lived.logs)
    assert (settled.pays[0].amount, settled.receives) == (realised.pays[0].amount, realised.receives)
    assert (predicted.repaid, predicted.collateral) == (settled.pays[0].amount, settled.receives[0].amount)

    after = lab.adapter.offers.after(offer, case.cover, market)
    assert after.account(KEY) == lived.account
    left = lab.adapter.health.health(KEY, after)
    assert (left.collateral_base, left.debt_base, left.factor_wad) == (*lived.after[:2], lived.after[5])


def reread(lab, case, accounts):
    """The market of a case, and market and account as everything the adapter reads in the case's block gives them."""
    market = lab.market(case)
    observing = lab.adapter.sync.observe(lab.head, market.target)
    first, second = next(observing), next(accounts)
    answers = lab.simulate(case, [(USER, q) for q in (*first, *second)])
    return market, finish(observing, answers[: len(first)]), finish(accounts, answers[len(first) :])[KEY]
