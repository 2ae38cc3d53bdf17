"""Exact liquidity of an account, in the contract's integers, for every pair a liquidation would accrue.

Source: Comptroller.getHypotheticalAccountLiquidityInternal, ComptrollerLens.getHypotheticalAccountLiquidity.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from keeper.protocols.compound_v2 import math
from keeper.protocols.compound_v2.account import Account
from keeper.protocols.compound_v2.ctoken import CToken
from keeper.protocols.compound_v2.market import CompoundV2Market
from keeper.types import Declined, Health, Position, PositionKey, Reason, TokenAmount, to_checksum
from keeper.units import MAX_UINT256, WAD, mul_div


class Standing(NamedTuple):
    """What an account's cTokens may back and what it owes, in dollars times 10**18."""

    cover: int
    required: int

    @property
    def shortfall(self) -> int:
        """What it owes beyond what its cTokens may back; liquidatable above zero."""
        return max(self.required - self.cover, 0)

    @property
    def factor_wad(self) -> int:
        """The one over the other, rounded down: below one exactly where there is a shortfall."""
        return mul_div(self.cover, WAD, self.required) if self.required else MAX_UINT256


@dataclass(frozen=True, slots=True)
class Weighed:
    """An account's standing with every market as stored, and what accruing one market adds to it."""

    stored: Standing
    accruals: dict[int, Standing]

    def between(self, collateral: int, debt: int) -> Standing:
        """The standing a liquidation of this pair finds: it accrues these two markets and no other."""
        cover, required = self.stored
        for place in {collateral, debt}:
            more = self.accruals.get(place, _NONE)
            cover, required = cover + more.cover, required + more.required

        return Standing(cover, required)


_NONE = Standing(0, 0)


def weigh(key: PositionKey, market: CompoundV2Market) -> Weighed | Declined:
    """Weigh an account that owes, or decline it: one market without a price leaves all of it undecided."""
    account = market.account(key)
    if account.pool:
        why = "it chose a pool of the comptroller whose rules this keeper does not know"
        return Declined(market.deployment, key, Reason.QUARANTINED, {"why": why})

    cover, required = 0, market.vai.get(key, 0)
    accruals: dict[int, Standing] = {}
    for place in entered_places(account):
        if place >= len(market.tokens):
            return Declined(market.deployment, key, Reason.QUARANTINED, {"why": "it entered an unknown market"})

        token = market.tokens[place]
        if token.usable_price is None:
            return undecided(key, token, market.deployment)

        stored, now = (_worth(account, place, token, accrued=accrued) for accrued in (False, True))
        cover, required = cover + stored.cover, required + stored.required
        accruals[place] = Standing(now.cover - stored.cover, now.required - stored.required)

    return Weighed(Standing(cover, required), accruals)


def undecided(key: PositionKey | None, token: CToken, deployment: str) -> Declined:
    """Say which market keeps a position from being decided, and why."""
    numbers: dict[str, int | str] = {"market": to_checksum(token.listing.token)}
    if token.trouble:
        return Declined(deployment, key, Reason.QUARANTINED, {**numbers, "why": token.trouble})

    return Declined(deployment, key, Reason.UNKNOWN_PRICE, numbers)


def entered_places(account: Account) -> Iterator[int]:
    """Yield the markets an account is a member of, ascending."""
    mask = account.entered
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def owed(account: Account, place: int, market: CompoundV2Market) -> int:
    """Accrue a debt to the target. CToken.borrowBalanceStored, after accrueInterest."""
    loan = account.loan_in(place)
    return 0 if loan is None else _balance(loan.principal, loan.interest_index, market.tokens[place], accrued=True)


def _balance(principal: int, index: int, token: CToken, *, accrued: bool) -> int:
    return math.borrow_balance(principal, index, token.index(accrued=accrued))


def _worth(account: Account, place: int, token: CToken, *, accrued: bool) -> Standing:
    """What one market adds to an account's standing, as stored or accrued."""
    cover = math.valued(account.tokens_in(place), token.denom(accrued=accrued))
    loan = account.loan_in(place)
    if loan is None:
        return Standing(cover, 0)

    balance = _balance(loan.principal, loan.interest_index, token, accrued=accrued)
    return Standing(cover, math.valued(balance, token.price or 0))


def worst(key: PositionKey, weighed: Weighed, market: CompoundV2Market) -> Standing:
    """The standing of the pair nearest to liquidation; with no cTokens to take, that of a debt alone."""
    account = market.account(key)
    debts = [loan.place for loan in account.borrowed]
    pairs = [(held, debt) for debt in debts for held, _ in account.held] or [(debt, debt) for debt in debts]
    standings = [weighed.between(collateral, debt) for collateral, debt in pairs]
    return min(standings, key=lambda one: one.factor_wad, default=weighed.stored)


def is_forced(account: Account, market: CompoundV2Market) -> bool:
    """Whether a debt may be liquidated without a shortfall."""
    return any(market.tokens[loan.place].forced for loan in account.borrowed if loan.place < len(market.tokens))


def health(key: PositionKey, market: CompoundV2Market) -> Health | Declined:
    """Decide one position exactly; `Declined` where a market it entered cannot be decided.

    Collateral is valued whole, not by what it may back. A debt in VAI alone seizes by rules of its own, which are not
    known here: it counts, and is not liquidated.
    """
    account = market.account(key)
    if not account.owes:
        return Health(key, MAX_UINT256, liquidatable=False, collateral_base=0, debt_base=0, base_unit=WAD)

    weighed = weigh(key, market)
    if isinstance(weighed, Declined):
        return weighed

    standing = worst(key, weighed, market)
    return Health(
        key=key,
        factor_wad=standing.factor_wad,
        liquidatable=bool(account.borrowed) and (standing.shortfall > 0 or is_forced(account, market)),
        collateral_base=sum(_whole_worth(account, place, market) for place in entered_places(account)),
        debt_base=standing.required,
        base_unit=WAD,
    )


def _whole_worth(account: Account, place: int, market: CompoundV2Market) -> int:
    token = market.tokens[place]
    amount = mul_div(token.now_rate, account.tokens_in(place), WAD)
    return math.valued(amount, token.usable_price or 0)


def position(key: PositionKey, market: CompoundV2Market) -> Position:
    """List what an account holds, in underlying tokens, and owes, at the market's target."""
    account = market.account(key)
    known = [(place, tokens) for place, tokens in account.held if place < len(market.tokens)]
    amounts = {
        place: TokenAmount(market.tokens[place].listing.underlying, mul_div(market.tokens[place].now_rate, tokens, WAD))
        for place, tokens in known
    }
    debts = [loan.place for loan in account.borrowed if loan.place < len(market.tokens)]
    debt = tuple(TokenAmount(market.tokens[at].listing.underlying, owed(account, at, market)) for at in debts)
    idle = sum(not account.has_entered(place) for place in amounts)
    notes = [f"{idle} supplies not used as collateral"] if idle else []
    notes += ["owes VAI"] if market.vai.get(key) else []
    backing = tuple(amount for place, amount in amounts.items() if account.has_entered(place))
    return Position(key, backing, debt, ", ".join(notes))
