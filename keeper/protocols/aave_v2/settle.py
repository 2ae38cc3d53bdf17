"""What taking an offer moves, exactly, and the market the next offer of the same block will see.

Source: LendingPoolCollateralManager.liquidationCall.
"""

from collections.abc import Mapping
from dataclasses import replace

from keeper.protocols.aave.entries import amount_of
from keeper.protocols.aave.math import ray_div
from keeper.protocols.aave.pair import SeizePair, pair_of
from keeper.protocols.aave_v2 import math
from keeper.protocols.aave_v2.account import Account, StableDebt
from keeper.protocols.aave_v2.market import AaveV2Market
from keeper.protocols.aave_v2.pair import terms_of
from keeper.protocols.aave_v2.reserve import Reserve
from keeper.types import Offer, Payment, PositionKey, Settlement, TokenAmount
from keeper.units import MAX_UINT256


def settle(offer: Offer, size: int, market: AaveV2Market) -> Settlement:
    """Work out exactly what the pool moves at the market's target; it may pull less than was asked for."""
    pair, key = pair_of(offer)
    now = math.seize(size, terms_of(key, pair, market))
    at_most = _at_most(pair, key, market) if size == MAX_UINT256 else now.repaid
    payment = Payment(offer.pay_token, now.repaid, at_most, pair.pool)
    return Settlement((payment,), (TokenAmount(offer.receive_token, now.collateral),))


def _at_most(pair: SeizePair, key: PositionKey, market: AaveV2Market) -> int:
    """Bound an unlimited repayment until the plan expires.

    Repaid never exceeds half of the debt; where the collateral caps it now and then, it never exceeds the later cap.
    The growth is counted twice, since a rate may rise before we land.
    """
    target = replace(market.target, timestamp=max(market.target.timestamp, market.target.expires_at))
    now, later = terms_of(key, pair, market), terms_of(key, pair, market.at(target))
    repaid = math.seize(MAX_UINT256, now).repaid
    capped = _is_capped(now) and _is_capped(later)
    bound = math.seize(MAX_UINT256, later).repaid if capped else math.max_liquidatable_debt(later)
    return repaid + 2 * max(bound - repaid, 0)


def _is_capped(terms: math.Terms) -> bool:
    return math.collateral_for(math.max_liquidatable_debt(terms), terms) > terms.collateral_balance


def after(offer: Offer, size: int, market: AaveV2Market) -> AaveV2Market:
    """Apply a liquidation: the account, and what the pool holds.

    The treasury's share of interest and the reserves' new rates are left out: neither changes what an offer pays in
    this block.
    """
    pair, key = pair_of(offer)
    terms = terms_of(key, pair, market)
    moved = math.seize(size, terms)
    account = _without_collateral(market.account(key), pair.collateral, moved, terms)
    account = _without_debt(account, (pair.debt, moved.repaid), terms, market.target.timestamp)
    return market.with_accounts({key: account}).with_reserves(_touched(pair, moved, market))


def _without_collateral(account: Account, place: int, moved: math.Seizure, terms: math.Terms) -> Account:
    left = amount_of(account.supplied, place) - ray_div(moved.collateral, terms.liquidity_index)
    account = account.with_supplied(place, left)
    return account.with_collateral(place, used=False) if moved.collateral == terms.collateral_balance else account


def _without_debt(account: Account, paid: tuple[int, int], terms: math.Terms, timestamp: int) -> Account:
    """Burn variable debt first, then stable debt, whose interest becomes principal when it is touched."""
    place, repaid = paid
    variable = math.variable_part(repaid, terms)
    account = account.with_borrowed(place, terms.scaled_debt - ray_div(variable, terms.burn_index))
    stable = account.stable_in(place)
    if stable is None or repaid == variable:
        return account

    left = terms.stable_debt - (repaid - variable)
    return account.with_stable(StableDebt(place, left, stable.rate, timestamp))


def _touched(pair: SeizePair, moved: math.Seizure, market: AaveV2Market) -> Mapping[int, Reserve]:
    timestamp = market.target.timestamp
    debt = market.reserves[pair.debt].touched(timestamp, moved.repaid)
    collateral = debt if pair.collateral == pair.debt else market.reserves[pair.collateral]
    return {pair.debt: debt, pair.collateral: collateral.touched(timestamp, -moved.collateral)}
