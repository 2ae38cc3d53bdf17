"""Offers: every (collateral, debt) pair a liquidatable position can be seized by, or why not.

Source: ValidationLogic.validateLiquidationCall.
"""

from collections.abc import Iterator, Sequence

from keeper.protocols.aave.math import LIQUIDATION_HEALTH_WAD
from keeper.protocols.aave.offer import Pairing
from keeper.protocols.aave.pair import SeizePair
from keeper.protocols.aave_v3 import math
from keeper.protocols.aave_v3.account import Account
from keeper.protocols.aave_v3.health import Totals, decide
from keeper.protocols.aave_v3.market import AaveV3Market
from keeper.protocols.aave_v3.pair import terms_between
from keeper.protocols.aave_v3.sizes import legal_sizes
from keeper.types import Declined, Offer, PositionKey, Reason


def offers(key: PositionKey, market: AaveV3Market) -> Sequence[Offer | Declined]:
    """List every pair with its legal sizes, or why not."""
    found = decide(key, market)
    if isinstance(found, Declined):
        return [found]

    if found.factor_wad >= LIQUIDATION_HEALTH_WAD:
        return [Declined(market.deployment, key, Reason.HEALTHY, {"health_wad": found.factor_wad})]

    account = market.account(key)
    return [
        _offer(key, account, (collateral, debt), found, market)
        for debt, _ in account.borrowed
        for collateral, _ in account.supplied
    ]


def _offer(
    key: PositionKey, account: Account, places: tuple[int, int], found: Totals, market: AaveV3Market
) -> Offer | Declined:
    collateral, debt = (market.reserves[place] for place in places)
    pairing = Pairing(market.deployment, key, SeizePair(market.pool, *places), collateral, debt)
    refusal = next(_refusals(account, places, found, market), None)
    if refusal is not None:
        return pairing.declined(refusal)

    terms = terms_between(account, places, found, market)
    if terms is None:
        return pairing.declined(Reason.UNKNOWN_PRICE)

    return pairing.offered(legal_sizes(terms, collateral.available, market.rules), collateral.available)


def _refusals(account: Account, places: tuple[int, int], found: Totals, market: AaveV3Market) -> Iterator[Reason]:
    """Yield the pool's own objections to a liquidatable position's pair, in its own order."""
    rules = market.rules
    collateral, debt = (market.reserves[place] for place in places)
    if not (collateral.active and debt.active):
        yield Reason.RESERVE_INACTIVE

    if collateral.paused or debt.paused:
        yield Reason.PAUSED

    if rules.sentinel and found.factor_wad >= math.SENTINEL_HEALTH_WAD and not market.liquidations_allowed:
        yield Reason.SENTINEL

    if rules.grace_period and max(collateral.grace_until, debt.grace_until) >= market.target.timestamp:
        yield Reason.GRACE_PERIOD

    if not account.uses_as_collateral(places[0]) or (collateral.threshold == 0 and not rules.zero_threshold_counts):
        yield Reason.NOT_COLLATERAL
