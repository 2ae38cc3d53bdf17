"""What taking an offer moves, exactly, and the market the next offer of the same block will see.

Source: LiquidationLogic.executeLiquidationCall.
"""

from collections.abc import Mapping
from dataclasses import replace

from keeper.protocols.aave.entries import amount_of
from keeper.protocols.aave.pair import SeizePair, pair_of
from keeper.protocols.aave_v3 import math
from keeper.protocols.aave_v3.account import Account
from keeper.protocols.aave_v3.market import AaveV3Market
from keeper.protocols.aave_v3.pair import seizure, terms_of
from keeper.protocols.aave_v3.reserve import Reserve
from keeper.types import Offer, Payment, PositionKey, Settlement, TokenAmount
from keeper.units import MAX_UINT256


def settle(offer: Offer, size: int, market: AaveV3Market) -> Settlement:
    """Work out exactly what the pool moves at the market's target; it may pull less than was asked for."""
    pair, key = pair_of(offer)
    now = seizure(size, terms_of(key, pair, market), market)
    at_most = _at_most(pair, key, market) if size == MAX_UINT256 else now.repaid
    payment = Payment(offer.pay_token, now.repaid, at_most, pair.pool)
    return Settlement((payment,), (TokenAmount(offer.receive_token, now.collateral),))


def _at_most(pair: SeizePair, key: PositionKey, market: AaveV3Market) -> int:
    """Bound an unlimited repayment until the plan expires.

    Repaid never exceeds the debt; where the collateral caps it now and then, it never exceeds the later cap. The
    growth is counted twice, since a rate may rise before we land.
    """
    target = replace(market.target, timestamp=max(market.target.timestamp, market.target.expires_at))
    now, later = terms_of(key, pair, market), terms_of(key, pair, market.at(target))
    repaid = seizure(MAX_UINT256, now, market).repaid
    capped = _is_capped(now, market) and _is_capped(later, market)
    bound = seizure(MAX_UINT256, later, market).repaid if capped else later.debt_balance
    return repaid + 2 * max(bound - repaid, 0)


def _is_capped(terms: math.Terms, market: AaveV3Market) -> bool:
    limit = math.max_liquidatable_debt(terms, market.rules)
    return math.collateral_for(limit, terms, market.rules) > terms.collateral_balance


def after(offer: Offer, size: int, market: AaveV3Market) -> AaveV3Market:
    """Apply a liquidation: the account, what the pool holds, and debts burned as bad where no collateral is left.

    The treasury's share and the reserves' new rates are left out: neither changes what an offer pays in this block.
    """
    pair, key = pair_of(offer)
    terms = terms_of(key, pair, market)
    moved = seizure(size, terms, market)
    cleared = math.clears_collateral(moved, terms, market.rules)
    account = _without_collateral(market.account(key), pair.collateral, moved, terms, market)
    account = _without_debt(account, pair.debt, terms.debt_balance if cleared else moved.repaid, market)
    if cleared:
        for place, _ in account.borrowed:
            if market.reserves[place].active:
                account = account.with_scaled(place, 0, is_debt=True)

    return market.with_accounts({key: account}).with_reserves(_moved(pair, moved, market))


def _without_collateral(
    account: Account, place: int, moved: math.Seizure, terms: math.Terms, market: AaveV3Market
) -> Account:
    burned = math.scaled_collateral_taken(moved.collateral, terms.liquidity_index, market.rules)
    left = terms.scaled_collateral - burned
    left -= min(left, math.scaled_collateral_taken(moved.fee, terms.liquidity_index, market.rules))
    taken_whole = moved.collateral + moved.fee == terms.collateral_balance
    account = account.with_scaled(place, left, is_debt=False)
    return account.with_collateral(place, used=False) if taken_whole else account


def _without_debt(account: Account, place: int, burned: int, market: AaveV3Market) -> Account:
    reserve = market.reserves[place]
    scaled = amount_of(account.borrowed, place)
    left = scaled - math.scaled_debt_burned(burned, reserve.debt_index, market.rules)
    return account.with_scaled(place, left, is_debt=True)


def _moved(pair: SeizePair, moved: math.Seizure, market: AaveV3Market) -> Mapping[int, Reserve]:
    debt = market.reserves[pair.debt].moved(moved.repaid)
    collateral = debt if pair.collateral == pair.debt else market.reserves[pair.collateral]
    return {pair.debt: debt, pair.collateral: collateral.moved(-moved.collateral)}
