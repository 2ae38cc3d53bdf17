"""One case, lived on the real contracts and predicted by the adapter: every number and every refusal compared.

Returned is the set of rule branches the case took, so that a run can show that each was met.
"""

from dataclasses import dataclass

from keeper.protocols.compound_v2 import abi, errors, health, math
from keeper.protocols.compound_v2.offers import pair_between
from keeper.protocols.compound_v2.pair import terms_between
from keeper.protocols.words import encode, word
from keeper.types import Call, Declined, Offer, OfferKind, Reason, Rejected, Returned
from keeper.units import MAX_UINT256, WAD
from tests.parity.aave_v3_lab import KEY, LIQUIDATOR, USER
from tests.parity.compound_v2_lab import Lab

REFUSED_WITH = {
    Reason.HEALTHY: ("healthy", "INSUFFICIENT_SHORTFALL (3)"),
    Reason.PAUSED: ("paused", "paused"),
}
"""The branch a refusal counts as, and what the contracts' own words for it hold."""
REJECTED = ("LiquidationFailed: COMPTROLLER_REJECTION (3)", "liquidateBorrow failed: COMPTROLLER_REJECTION (3)")
SUMS = (abi.GET_CASH, abi.TOTAL_BORROWS, abi.TOTAL_RESERVES, abi.TOTAL_SUPPLY, abi.BORROW_INDEX)
LIQUIDITY = "getAccountLiquidity(address)"


@dataclass
class Lived:
    """What the chain did: three words of liquidity before and after, both calls, and what is left."""

    before: list
    liquidated: tuple
    redeemed: tuple
    after: list
    tokens: dict
    debts: dict
    sums: dict

    @property
    def logs(self):
        return [*self.liquidated[2], *self.redeemed[2]]

    def refusal(self):
        """The contracts' own words, whether they reverted, returned a code, or wrote a failure down."""
        for (ok, data, logs), to in ((self.liquidated, "liquidate"), (self.redeemed, "redeem")):
            if not ok:
                return errors.explain(data)

            failures = [log for log in logs if log.topics[0] == abi.FAILURE]
            if failures:
                named = errors.failure(*(word(failures[0].data, i) for i in range(3)))
                # The liquidator contract and native markets return nothing: the event alone tells.
                assert not data or errors.rejection(word(data, 0)) == named.partition(" in ")[0], to
                return named

        return ""


def live(lab: Lab, case) -> Lived:
    market = lab.market_of(case)
    offer = offer_of(case, market)
    call = lab.adapter.encoder.calls(offer, case.repay, None, market, b"")
    liquidate = next(step.call for step in call if step.call.to == offer.detail.payee)
    token = market.tokens[case.collateral].listing.token
    redeem = Call(token, encode(abi.REDEEM, _ours(case, market)))
    weigh = (USER, Call(lab.comptroller, encode(LIQUIDITY, USER)))
    questions = []
    for place in case.markets:
        at = market.tokens[place].listing.token
        questions += [Call(at, encode(abi.BALANCE_OF, USER)), Call(at, encode(abi.BORROW_BALANCE, USER))]
        questions += [Call(at, encode(getter)) for getter in SUMS]

    asked = [weigh, (LIQUIDATOR, liquidate), (LIQUIDATOR, redeem), weigh, *((USER, q) for q in questions)]
    before, liquidated, redeemed, after, *answers = lab.simulate(case, asked)
    numbers = [word(data, 0) for ok, data, _ in answers]
    size = 2 + len(SUMS)
    rows = {place: numbers[i * size : (i + 1) * size] for i, place in enumerate(case.markets)}
    return Lived(
        before=words(before),
        liquidated=liquidated,
        redeemed=redeemed,
        after=words(after),
        tokens={place: row[0] for place, row in rows.items()},
        debts={place: row[1] for place, row in rows.items()},
        sums={place: row[2:] for place, row in rows.items()},
    )


def words(answer):
    ok, data, _ = answer
    assert ok
    return [word(data, i) for i in range(3)]


def offer_of(case, market):
    pair = pair_between((case.collateral, case.debt), market)
    tokens = [market.tokens[place].listing.underlying for place in (case.debt, case.collateral)]
    return Offer("parity", OfferKind.SEIZE, KEY, *tokens, tokens[0], (), pair)


def _ours(case, market):
    terms = terms_between(KEY, (case.collateral, case.debt), market)
    return 0 if terms is None else math.move(case.repay % 2**128, terms).ours


def check(lab, case, lived):
    """Compare a case with what the adapter says, and name the branches it took."""
    market, adapter = lab.market_of(case), lab.adapter
    weighed = health.weigh(KEY, market)
    if isinstance(weighed, Declined):
        assert weighed.reason is Reason.UNKNOWN_PRICE
        assert lived.before[0] == 13
        assert "PRICE_ERROR (13)" in lived.refusal()
        return {"unknown price"}

    cover, required = weighed.stored
    assert lived.before == [0, max(cover - required, 0), max(required - cover, 0)]
    branches = situation(case, market, weighed)
    verdicts = [v for v in adapter.offers.offers(KEY, market) if is_about(v, case, market)]
    if verdicts and isinstance(verdicts[0], Declined):
        return branches | check_refusal(case, lived, verdicts[0], market)

    return branches | check_amounts(lab, case, lived, verdicts[0] if verdicts else None, market)


def is_about(verdict, case, market):
    if isinstance(verdict, Offer):
        return (verdict.detail.collateral, verdict.detail.debt) == (case.collateral, case.debt)

    if "collateral" not in verdict.numbers:
        return True

    named = pair_between((case.collateral, case.debt), market)
    return (bytes.fromhex(verdict.numbers["collateral"][2:]), bytes.fromhex(verdict.numbers["debt"][2:])) == (
        named.collateral_token, named.debt_token,
    )  # fmt: skip


def check_refusal(case, lived, verdict, market):
    told = lived.refusal()
    if verdict.reason is Reason.QUARANTINED:
        assert case.account.restricted
        assert told == "LiquidationNotAllowed"
        return {"restricted"}

    if verdict.reason in REFUSED_WITH:
        branch, named = REFUSED_WITH[verdict.reason]
        # Of several objections the contracts name the first they come to.
        odd = case.repay in (0, MAX_UINT256)
        other = ("paused", "LiquidationFailed", "TOO_MUCH", "INVALID_CLOSE", "PRICE_ERROR", "INSUFFICIENT_SHORTFALL")
        assert told, verdict
        assert named in told or any(word in told for word in other), (verdict, told)
        assert odd or branch != "healthy" or "SHORTFALL" in told or "paused" in told or "LiquidationFailed" in told
        return {branch}

    assert verdict.reason in (Reason.NO_LIQUIDITY, Reason.NO_LEGAL_SIZE), verdict
    terms = terms_between(KEY, (case.collateral, case.debt), market)
    if not told:
        # Taking nothing is allowed, and not worth naming.
        assert math.move(case.repay, terms).received == 0
        return {"takes nothing"}

    return {"no cash"} if verdict.reason is Reason.NO_LIQUIDITY else {"no legal size"}


def check_amounts(lab, case, lived, verdict, market):
    """The pair is open to liquidation: is this repayment, and does it move what the adapter says?"""
    assert isinstance(verdict, Offer), verdict
    terms = terms_between(KEY, (case.collateral, case.debt), market)
    is_size = any(low <= case.repay <= high for low, high in verdict.sizes)
    told = lived.refusal()
    if told:
        assert not is_size, told
        return refused(case, lived, terms, market)

    moved = math.move(case.repay, terms)
    # What the market takes and is not named gives us nothing, or counts on the cash it is paid itself.
    assert is_size or moved.received == 0 or (terms.same and moved.redeemed > terms.collateral.cash)
    offer = offer_of(case, market)
    settled = lab.adapter.offers.settle(offer, case.repay, market)
    realised = lab.adapter.encoder.realised(offer, lived.logs)
    assert not isinstance(realised, Rejected), realised
    assert (settled.pays[0].amount, settled.receives) == (realised.pays[0].amount, realised.receives)
    check_left(case, lived, lab.adapter.offers.after(offer, case.repay, market))
    check_left(case, lived, lab.adapter.sync.preceding(lab.market_of(case), lived.logs, market.target))
    return amounts_branches(case, moved, terms)


def refused(case, lived, terms, market):
    """Name the rule a refused repayment broke."""
    told = lived.refusal()
    if case.repay == 0:
        assert "LIQUIDATE_CLOSE_AMOUNT_IS_ZERO" in told or "INVALID_CLOSE" in told or "LiquidationFailed" in told
        return {"repays zero"}

    balance = health.owed(case.account, case.debt, market)
    if case.repay > math.max_close(balance, market.rules.close_factor):
        # The liquidator contract and native markets pass on the market's own code alone.
        assert "TOO_MUCH_REPAY (17)" in told or told in REJECTED, told
        return {"greatest number" if case.repay == MAX_UINT256 else "close factor"}

    if math.seize_tokens(case.repay, terms.ratio) > terms.tokens:
        # The sum of debts runs out first where both are short.
        assert "LIQUIDATE_SEIZE_TOO_MUCH" in told or case.repay > market.tokens[case.debt].now.borrows, told
        return {"seizes too much"}

    if case.repay > market.tokens[case.debt].now.borrows:
        return {"more than the market counts"}

    assert math.move(case.repay, terms).redeemed > terms.collateral.cash + (case.repay if terms.same else 0), told
    # The liquidation itself goes through; it is the redemption that fails, in this release by a revert.
    assert lived.liquidated[0]
    assert not lived.redeemed[0]
    assert told.startswith("math error"), told
    return {"no cash"}


def check_left(case, lived, after):
    """The account, the pair's sums and the comptroller's view of what remains."""
    account = after.account(KEY)
    assert lived.tokens == {place: account.tokens_in(place) for place in case.markets}
    for place in case.markets:
        token = after.tokens[place]
        stored = token.stored
        sums = [stored.cash, stored.borrows, stored.reserves, stored.supply, stored.borrow_index]
        assert lived.sums[place] == sums, (place, lived.sums[place], sums)
        loan = account.loan_in(place)
        owed = 0 if loan is None else math.borrow_balance(loan.principal, loan.interest_index, stored.borrow_index)
        assert lived.debts[place] == owed

    cover, required = health.weigh(KEY, after).stored
    assert lived.after == [0, max(cover - required, 0), max(required - cover, 0)]


def situation(case, market, weighed):
    """Branches that show in the position itself."""
    debt, collateral = market.tokens[case.debt], market.tokens[case.collateral]
    standing = weighed.between(case.collateral, case.debt)
    everything = health.Standing(*weighed.stored)
    for more in weighed.accruals.values():
        everything = health.Standing(everything.cover + more.cover, everything.required + more.required)

    found = {
        "near one": abs(standing.factor_wad - WAD) <= 10**9,
        "accrual decides": (standing.shortfall > 0) != (weighed.stored.shortfall > 0),
        "only the pair accrues": (standing.shortfall > 0) != (everything.shortfall > 0),
        "same market": case.collateral == case.debt,
        "not entered": not case.account.has_entered(case.collateral),
        "native debt": debt.listing.native,
        "native collateral": collateral.listing.native,
        "two decimals": 2 in (debt.listing.decimals, collateral.listing.decimals),
        "three markets": len(case.markets) > 2,
        "fresh already": debt.stored == debt.now and collateral.stored == collateral.now,
    }
    return {name for name, holds in found.items() if holds}


def amounts_branches(case, moved, terms):
    """Branches that show in what was moved."""
    found = {
        "liquidated": True,
        "half": moved.repaid == terms.max_repay,
        "all cTokens but a crumb": terms.tokens - moved.seized < math.seize_tokens(1, terms.ratio) + 1,
        "liquidator keeps a share": moved.kept > 0,
        "redeem fee": moved.received < moved.redeemed,
        "through the liquidator": case.percent is not None,
        "takes nothing": moved.received == 0,
    }
    return {name for name, holds in found.items() if holds}


def check_reads(lab, case):
    """Everything the adapter reads, asked in the case's own block, gives the market of the case."""
    market = lab.market_of(case)
    if case.percent is None:
        return  # the contracts around the comptroller would have to be read again first

    observing = lab.adapter.sync.observe(lab.head, market.target)
    rounds = next(observing)
    try:
        while True:
            answers = lab.simulate(case, [(USER, request) for request in rounds])
            rounds = observing.send(tuple(Returned(ok, data) for ok, data, _ in answers))
    except StopIteration as stop:
        read = stop.value

    for place in case.markets:
        ours, theirs = market.tokens[place], read.tokens[place]
        assert (theirs.stored, theirs.now, theirs.price) == (ours.stored, ours.now, ours.price)
        assert (theirs.factor, theirs.incentive, theirs.rate) == (ours.factor, ours.incentive, ours.rate)
        assert (theirs.debt_paused, theirs.collateral_paused) == (ours.debt_paused, ours.collateral_paused)

    assert read.rules == market.rules
