"""Offers: every (debt, collateral) pair a position can be seized by, or why not.

Any cTokens the borrower holds can be taken, whether or not they back its debts. Source:
Comptroller.liquidateBorrowAllowed, repayBorrowAllowed, seizeAllowed, redeemAllowed; CToken.liquidateBorrowFresh.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from keeper.protocols.compound_v2.health import Weighed, is_forced, undecided, weigh, worst
from keeper.protocols.compound_v2.market import CompoundV2Market
from keeper.protocols.compound_v2.pair import SeizePair, pair_of, terms_between
from keeper.protocols.compound_v2.sizes import legal_sizes
from keeper.types import Address, Declined, Offer, OfferKind, PositionKey, Reason, to_checksum

GAS_OF_A_PAIR: Final = 480_000
GAS_OF_A_MARKET: Final = 85_000
GAS_OF_THE_LIQUIDATOR: Final = 160_000
GAS_TO_WRAP: Final = 50_000
"""Measured on Venus 2.2.1 behind proxies and with feeds as prices, rounded up."""


def offers(key: PositionKey, market: CompoundV2Market) -> Sequence[Offer | Declined]:
    """List every pair with its legal sizes, or why not."""
    account = market.account(key)
    weighed = weigh(key, market)
    if isinstance(weighed, Declined):
        return [weighed]

    if not is_forced(account, market):
        standing = worst(key, weighed, market)
        if not account.borrowed or standing.shortfall == 0:
            numbers: dict[str, int | str] = {"health_wad": standing.factor_wad}
            return [Declined(market.deployment, key, Reason.HEALTHY, numbers)]

    if account.restricted:
        why = "only liquidators the protocol chose may liquidate it"
        return [Declined(market.deployment, key, Reason.QUARANTINED, {"why": why})]

    pairs = [(held, loan.place) for loan in account.borrowed for held, _ in account.held]
    if not pairs:
        return [Declined(market.deployment, key, Reason.NO_LEGAL_SIZE, {"why": "it has no cTokens"})]

    return _one_of_each([_offer(key, pair, weighed, market) for pair in pairs])


def _one_of_each(found: Sequence[Offer | Declined]) -> Sequence[Offer | Declined]:
    """Keep the largest offer of each pair of tokens.

    Two markets may lend the same token, as the native one and that of its wrapped token do; what landed is told apart
    by tokens alone. The others have their turn in the next block.
    """
    best: dict[tuple[Address, Address], Offer] = {}
    for offer in found:
        if isinstance(offer, Offer):
            tokens = (offer.pay_token, offer.receive_token)
            known = best.get(tokens)
            best[tokens] = offer if known is None or offer.sizes[-1][1] > known.sizes[-1][1] else known

    return [
        one if isinstance(one, Declined) or best[one.pay_token, one.receive_token] is one else _second(one)
        for one in found
    ]


def _second(offer: Offer) -> Declined:
    pair, key = pair_of(offer)
    numbers: dict[str, int | str] = {
        "collateral": to_checksum(pair.collateral_token),
        "debt": to_checksum(pair.debt_token),
        "why": "another market of the same tokens comes first",
    }
    return Declined(offer.deployment, key, Reason.CONFLICT, numbers)


def set_aside(market: CompoundV2Market) -> Sequence[Declined]:
    """Decline each market that cannot be decided once, however many accounts are in it."""
    return [
        undecided(None, token, market.deployment)
        for token in market.tokens
        if token.usable_price is None and (token.trouble or token.listed)
    ]


def _offer(key: PositionKey, places: tuple[int, int], weighed: Weighed, market: CompoundV2Market) -> Offer | Declined:
    collateral, debt = (market.tokens[place] for place in places)
    numbers: dict[str, int | str] = {
        "collateral": to_checksum(collateral.listing.token),
        "debt": to_checksum(debt.listing.token),
    }
    refusal = next(_refusals(places, weighed, market), None)
    if refusal is not None:
        return Declined(market.deployment, key, refusal, numbers)

    terms = terms_between(key, places, market)
    if terms is None:
        known = collateral.usable_price is not None and debt.usable_price is not None
        return Declined(market.deployment, key, Reason.NO_LEGAL_SIZE if known else Reason.UNKNOWN_PRICE, numbers)

    sizes = legal_sizes(terms)
    if not sizes.intervals:
        reason = Reason.NO_LIQUIDITY if sizes.short_of_liquidity else Reason.NO_LEGAL_SIZE
        return Declined(market.deployment, key, reason, {**numbers, "available": collateral.now.cash})

    return Offer(
        deployment=market.deployment,
        kind=OfferKind.SEIZE,
        key=key,
        pay_token=debt.listing.underlying,
        receive_token=collateral.listing.underlying,
        size_token=debt.listing.underlying,
        sizes=sizes.intervals,
        detail=pair_between(places, market),
        gas=_gas(key, places, market),
    )


def _gas(key: PositionKey, places: tuple[int, int], market: CompoundV2Market) -> int:
    """What liquidating and redeeming burns: the comptroller weighs every market the account is in."""
    gas = GAS_OF_A_PAIR + GAS_OF_A_MARKET * market.account(key).entered.bit_count()
    gas += sum(GAS_TO_WRAP for place in places if market.tokens[place].listing.native)
    return gas if market.contracts.liquidator is None else gas + GAS_OF_THE_LIQUIDATOR


def pair_between(places: tuple[int, int], market: CompoundV2Market) -> SeizePair:
    """Name a (collateral, debt), and who is called."""
    collateral, debt = (market.tokens[place].listing.token for place in places)
    return SeizePair(market.contracts.liquidator or debt, debt, collateral, debt=places[1], collateral=places[0])


def _refusals(places: tuple[int, int], weighed: Weighed, market: CompoundV2Market) -> Iterator[Reason]:
    """Yield the comptroller's own objections to a pair, in its own order."""
    collateral, debt = (market.tokens[place] for place in places)
    if collateral.trouble or debt.trouble:
        yield Reason.QUARANTINED

    if market.rules.paused or debt.debt_paused or collateral.collateral_paused:
        yield Reason.PAUSED

    if not (collateral.listed and debt.listed):
        yield Reason.RESERVE_INACTIVE

    if not debt.forced and weighed.between(*places).shortfall == 0:
        yield Reason.HEALTHY
