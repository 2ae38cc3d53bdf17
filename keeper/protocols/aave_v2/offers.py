"""Offers: every (collateral, debt) pair a liquidatable position can be seized by, or why not.

Source: LendingPool.liquidationCall and ValidationLogic.validateLiquidationCall.
"""

from collections.abc import Iterator, Sequence

from keeper.protocols.aave.math import LIQUIDATION_HEALTH_WAD
from keeper.protocols.aave.offer import Pairing
from keeper.protocols.aave.pair import SeizePair
from keeper.protocols.aave_v2.account import Account
from keeper.protocols.aave_v2.health import decide
from keeper.protocols.aave_v2.market import AaveV2Market
from keeper.protocols.aave_v2.pair import terms_between
from keeper.protocols.aave_v2.sizes import legal_sizes
from keeper.types import Declined, Offer, PositionKey, Reason


def offers(key: PositionKey, market: AaveV2Market) -> Sequence[Offer | Declined]:
    """List every pair with its legal sizes, or why not."""
    found = decide(key, market)
    if isinstance(found, Declined):
        return [found]

    if found.factor_wad >= LIQUIDATION_HEALTH_WAD:
        return [Declined(market.deployment, key, Reason.HEALTHY, {"health_wad": found.factor_wad})]

    account = market.account(key)
    return [
        _offer(key, account, (collateral, debt), market)
        for debt in account.debts()
        for collateral, _ in account.supplied
    ]


def _offer(key: PositionKey, account: Account, places: tuple[int, int], market: AaveV2Market) -> Offer | Declined:
    collateral, debt = (market.reserves[place] for place in places)
    pairing = Pairing(market.deployment, key, SeizePair(market.pool, *places), collateral, debt)
    refusal = next(_refusals(account, places, market), None)
    if refusal is not None:
        return pairing.declined(refusal)

    terms = terms_between(account, places, market)
    if terms is None:
        return pairing.declined(Reason.UNKNOWN_PRICE)

    return pairing.offered(legal_sizes(terms, collateral.underlying), collateral.underlying)


def _refusals(account: Account, places: tuple[int, int], market: AaveV2Market) -> Iterator[Reason]:
    """Yield the pool's own objections to a liquidatable position's pair, in its own order."""
    collateral, debt = (market.reserves[place] for place in places)
    if market.paused:
        yield Reason.PAUSED

    if not (collateral.active and debt.active):
        yield Reason.RESERVE_INACTIVE

    if not account.uses_as_collateral(places[0]) or collateral.threshold == 0:
        yield Reason.NOT_COLLATERAL
