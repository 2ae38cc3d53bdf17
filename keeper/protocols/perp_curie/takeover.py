"""One liquidation from end to end: orders cancelled, a position taken over, left through the pool, and what remains.

The taker's account is empty before and after: it deposits what it borrowed, and gets that and its profit or loss
back. Source: ClearingHouse._liquidate, closePosition and Vault._withdraw.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from keeper.protocols.perp_curie import math, orders
from keeper.protocols.perp_curie.account import Account
from keeper.protocols.perp_curie.health import Standing, weigh
from keeper.protocols.perp_curie.instrument import Instrument
from keeper.protocols.perp_curie.market import PerpCurieMarket
from keeper.protocols.perp_curie.pool import Exit
from keeper.types import Address, Declined, PositionKey


@dataclass(frozen=True, slots=True)
class Ready:
    """An account whose orders are cancelled, in the market that follows from that: where it is tested for health."""

    account: Account
    market: PerpCurieMarket
    standing: Standing


@dataclass(frozen=True, slots=True)
class Entered:
    """The same once funding was settled in the market of the position: where everything else is counted.

    Settling has the index feed take its answer over, so that the mark may be another than the account was tested at.
    `most` may be taken over, signed as the account's position.
    """

    account: Account
    market: PerpCurieMarket
    standing: Standing
    one: Instrument
    most: int


class Takeover(NamedTuple):
    """What taking over and leaving moves, US dollars times 10**18; sizes signed as the liquidated account's.

    `share` is what of the penalty the taker gets. `gain` is what it has once it left the position, below zero for a
    loss.
    """

    size: int
    notional: int
    penalty: int
    share: int
    gain: int
    exit: Exit


class Aftermath(NamedTuple):
    """The market after all of it; `unborne` is what the insurance fund lacks to cover the account's loss.

    The contract refuses unless that is 0.
    """

    market: PerpCurieMarket
    unborne: int


@lru_cache(maxsize=64)
def ready(key: PositionKey, market: PerpCurieMarket) -> Ready | Declined:
    """Cancel an account's orders, market by market, and weigh what is left."""
    account, now = market.account(key), market.target.timestamp
    for base, holding in account.holdings:
        one = market.instruments.get(base)
        if one is not None and one.is_open and not one.trouble and holding.orders:
            account, one = orders.cancelled(account, one, now)
            market = market.with_instrument(one)

    standing = weigh(key, account, market)
    return standing if isinstance(standing, Declined) else Ready(account, market, standing)


@lru_cache(maxsize=64)
def entered(key: PositionKey, base: Address, market: PerpCurieMarket) -> Entered | Declined:
    """Cancel an account's orders and settle its funding in one market."""
    found = ready(key, market)
    if isinstance(found, Declined):
        return found

    one = found.market.instruments[base].settled(market.target.timestamp)
    account = orders.settled_funding(found.account, one)
    market = found.market.with_instrument(one)
    standing = weigh(key, account, market)
    if isinstance(standing, Declined):
        return standing

    size = account.holding(base).size
    return Entered(
        account=account,
        market=market,
        standing=standing,
        one=one,
        most=math.liquidatable_size(
            size if abs(size) >= math.DUST else 0,
            one.price,
            standing.total_value,
            standing.account_value,
            standing.requirement,
        ),
    )


def take_over(size: int, found: Entered) -> Takeover | None:
    """Take over so much of a position, or as much as may be, and leave it; None where the pool cannot carry that.

    `size` is without a sign.
    """
    if found.most == 0:
        return None

    taken = min(size, abs(found.most)) * (1 if found.most > 0 else -1)
    one = found.one
    left = leave(taken, one)
    if left is None:
        return None

    notional = math.position_value(taken, one.price)
    penalty = math.mul_ratio(abs(notional), found.market.rules.penalty_ratio)
    share = math.liquidator_share(penalty, found.standing.account_value)
    return Takeover(taken, notional, penalty, share, share - notional + left.quote - left.fee, left)


def aftermath(key: PositionKey, taken: Takeover, found: Entered) -> Aftermath | Declined:
    """Work out what a takeover leaves: the account, the pool and the insurance fund."""
    market, one = found.market, found.one
    decimals = market.contracts.decimals
    held = found.account.holding(one.base)
    account = orders.exchanged(found.account, one.base, held, -taken.size, taken.notional)
    account = replace(account, owed=account.owed - taken.penalty)
    insurance = market.insurance
    if found.standing.account_value >= 0:
        insurance = replace(insurance, owed=insurance.owed + taken.penalty - taken.share)

    standing = weigh(key, account, market)
    if isinstance(standing, Declined):
        return standing

    short = max(-standing.account_value, 0)
    unborne = max(short - capacity(insurance, market), 0) if short else 0
    account, insurance = _bad_debt(account, insurance, decimals)
    insurance = replace(insurance, owed=insurance.owed + taken.exit.insurance_fee)
    changed = replace(
        market,
        insurance=insurance,
        overlay={**market.overlay, key: account},
        instruments={**market.instruments, one.base: replace(one, pool=taken.exit.pool)},
    )
    return Aftermath(changed, unborne)


def leave(size: int, one: Instrument) -> Exit | None:
    """Close a position through the pool; None where the contract would refuse or close only part of it."""
    funding = one.funding
    bound = funding.tick - one.max_ticks if size > 0 else funding.tick + one.max_ticks
    found = one.pool.leave(size, one.fees, bound)
    if found is None or found.base != -size or not _within(found.pool.tick, one):
        return None

    before = math.spread_ratio(one.pool.price, one.index_price)
    after = math.spread_ratio(found.pool.price, one.index_price)
    return found if min(before, -one.max_spread) <= after <= max(before, one.max_spread) else None


def capacity(insurance: Account, market: PerpCurieMarket) -> int:
    """What the insurance fund can bear, US dollars times 10**18. InsuranceFund.getInsuranceFundCapacity."""
    decimals = market.contracts.decimals
    value = math.parse_settlement(insurance.balance, decimals) + insurance.owed
    whole = math.format_settlement(value, decimals) + market.rules.insurance_tokens
    return math.parse_settlement(whole, decimals)


def _within(tick: int, one: Instrument) -> bool:
    return abs(tick - one.funding.tick) <= one.max_ticks


def _bad_debt(account: Account, insurance: Account, decimals: int) -> tuple[Account, Account]:
    """Let the insurance fund pay what an account without positions and collateral still owes. Vault.settleBadDebt."""
    if account.holdings or account.collaterals:
        return account, insurance

    value = math.format_settlement(math.parse_settlement(account.balance, decimals) + account.owed, decimals)
    if value >= 0:
        return account, insurance

    return (
        replace(account, balance=account.balance - value),
        replace(insurance, balance=insurance.balance + value),
    )
