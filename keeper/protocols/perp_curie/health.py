"""Exact health of an account, in the contracts' integers. Values are US dollars times 10**18.

Source: Vault.getAccountValue, AccountBalance.getMarginRequirementForLiquidation and ClearingHouse._isLiquidatable.
"""

from dataclasses import dataclass

from keeper.protocols.perp_curie import math, orders
from keeper.protocols.perp_curie.account import Account
from keeper.protocols.perp_curie.market import UNKNOWN_COLLATERAL, PerpCurieMarket
from keeper.types import Declined, Health, Position, PositionKey, Reason, TokenAmount, to_checksum
from keeper.units import MAX_UINT256, WAD


@dataclass(frozen=True, slots=True)
class Standing:
    """What an account is worth and what is required of it.

    `account_value` is what its collateral and its unrealized profit or loss come to, rounded down to the settlement
    token's units; `total_value` sums the values of its positions, each without its sign.
    """

    account_value: int
    collateral_value: int
    unrealized: int
    total_value: int
    requirement: int

    @property
    def liquidatable(self) -> bool:
        """Whether it is worth less than is required."""
        return self.account_value < self.requirement


def decide(key: PositionKey, market: PerpCurieMarket) -> Standing | Declined:
    """Weigh an account, or decline with what keeps it from being weighed."""
    return weigh(key, market.account(key), market)


def weigh(key: PositionKey, account: Account, market: PerpCurieMarket) -> Standing | Declined:
    """Weigh an account as it is given."""
    unrealized = total = funding = fees = 0
    for base, holding in account.holdings:
        one = market.instruments.get(base)
        if one is None or one.trouble:
            return set_aside(key, market, base, "its market is not known" if one is None else one.trouble)

        made = orders.made(holding.orders, one)
        size = holding.size + made.base - made.base_debt
        value = math.position_value(size if abs(size) >= math.DUST else 0, one.price)
        unrealized += value + holding.open_notional + made.quote - made.quote_debt
        total += abs(value)
        fees += made.fee
        funding += orders.funding(account, one)

    pledged = _collateral(key, account, market)
    if isinstance(pledged, Declined):
        return pledged

    decimals = market.contracts.decimals
    settled = math.parse_settlement(account.balance, decimals) + fees - funding + account.owed
    exact = pledged + settled + unrealized
    return Standing(
        account_value=math.parse_settlement(math.format_settlement(exact, decimals), decimals),
        collateral_value=pledged + settled,
        unrealized=unrealized,
        total_value=total,
        requirement=math.mul_ratio(total, market.rules.mm_ratio),
    )


def set_aside(key: PositionKey | None, market: PerpCurieMarket, token: bytes, why: str) -> Declined:
    """Say that a market or a collateral cannot be decided, and why."""
    numbers: dict[str, int | str] = {"token": "0x" + token.hex(), "why": why}
    return Declined(market.deployment, key, Reason.QUARANTINED, numbers)


def health(key: PositionKey, market: PerpCurieMarket) -> Health | Declined:
    """Decide one account exactly; `Declined` where a market it is in cannot be decided.

    Profit counts as collateral and loss as debt, so that an account that owes more than it has is underwater.
    """
    found = decide(key, market)
    if isinstance(found, Declined):
        return found

    factor = max(found.account_value, 0) * WAD // found.requirement if found.requirement else MAX_UINT256
    parts = (found.collateral_value, found.unrealized)
    return Health(
        key=key,
        factor_wad=factor if found.requirement or found.account_value >= 0 else 0,
        liquidatable=found.liquidatable,
        collateral_base=sum(max(part, 0) for part in parts),
        debt_base=sum(max(-part, 0) for part in parts),
        base_unit=WAD,
    )


def position(key: PositionKey, market: PerpCurieMarket) -> Position:
    """List what an account has deposited and what it holds: a long as collateral, a short as debt, in base tokens."""
    account = market.account(key)
    held = [TokenAmount(token, amount) for token, amount in account.collaterals]
    owed = []
    token = market.contracts.settlement_token
    if account.balance > 0:
        held.append(TokenAmount(token, account.balance))
    elif account.balance < 0:
        owed.append(TokenAmount(token, -account.balance))

    notes = []
    for base, holding in account.holdings:
        if holding.size:
            (held if holding.size > 0 else owed).append(TokenAmount(base, abs(holding.size)))

        if holding.orders:
            notes.append(f"{len(holding.orders)} open orders in {to_checksum(base)}")

    return Position(key, tuple(held), tuple(owed), ", ".join(notes))


def _collateral(key: PositionKey, account: Account, market: PerpCurieMarket) -> int | Declined:
    """What other tokens count for, each rounded down twice. Vault._getNonSettlementTokenValue."""
    total = 0
    for token, amount in account.collaterals:
        known = market.collaterals.get(token, UNKNOWN_COLLATERAL)
        if known.price is None:
            return set_aside(key, market, token, "the price of a collateral is unknown")

        value = math.collateral_value(amount, known.price, known.decimals, known.price_decimals)
        total += math.mul_ratio(value, known.ratio)

    return total
