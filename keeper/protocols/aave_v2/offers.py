"""Offers: every (collateral, debt) pair a liquidatable position can be seized by, or why not.

Source: LendingPool.liquidationCall and ValidationLogic.validateLiquidationCall.
"""

from collections.abc import Iterator, Sequence

from keeper.protocols.aave_v2 import math
from keeper.protocols.aave_v2.account import Account
from keeper.protocols.aave_v2.health import decide
from keeper.protocols.aave_v2.market import AaveV2Market
from keeper.protocols.aave_v2.pair import SeizePair, terms_between
from keeper.protocols.aave_v2.sizes import legal_sizes
from keeper.types import Declined, Offer, OfferKind, PositionKey, Reason, to_checksum


def offers(key: PositionKey, market: AaveV2Market) -> Sequence[Offer | Declined]:
    """List every pair with its legal sizes, or why not."""
    found = decide(key, market)
    if isinstance(found, Declined):
        return [found]

    if found.factor_wad >= math.LIQUIDATION_HEALTH_WAD:
        return [Declined(market.deployment, key, Reason.HEALTHY, {"health_wad": found.factor_wad})]

    account = market.account(key)
    return [
        _offer(key, account, (collateral, debt), market)
        for debt in account.debts()
        for collateral, _ in account.supplied
    ]


def _offer(key: PositionKey, account: Account, places: tuple[int, int], market: AaveV2Market) -> Offer | Declined:
    collateral, debt = (market.reserves[place] for place in places)
    numbers: dict[str, int | str] = {"collateral": to_checksum(collateral.asset), "debt": to_checksum(debt.asset)}
    refusal = next(_refusals(account, places, market), None)
    if refusal is not None:
        return Declined(market.deployment, key, refusal, numbers)

    terms = terms_between(account, places, market)
    if terms is None:
        return Declined(market.deployment, key, Reason.UNKNOWN_PRICE, numbers)

    sizes = legal_sizes(terms, collateral.underlying)
    if not sizes.intervals:
        reason = Reason.NO_LIQUIDITY if sizes.short_of_liquidity else Reason.NO_LEGAL_SIZE
        return Declined(market.deployment, key, reason, {**numbers, "available": collateral.underlying})

    return Offer(
        deployment=market.deployment,
        kind=OfferKind.SEIZE,
        key=key,
        pay_token=debt.asset,
        receive_token=collateral.asset,
        size_token=debt.asset,
        sizes=sizes.intervals,
        detail=SeizePair(market.pool, *places),
    )


def _refusals(account: Account, places: tuple[int, int], market: AaveV2Market) -> Iterator[Reason]:
    """Yield the pool's own objections to a liquidatable position's pair, in its own order."""
    collateral, debt = (market.reserves[place] for place in places)
    if market.paused:
        yield Reason.PAUSED

    if not (collateral.active and debt.active):
        yield Reason.RESERVE_INACTIVE

    if not account.uses_as_collateral(places[0]) or collateral.threshold == 0:
        yield Reason.NOT_COLLATERAL
