"""Offers: which positions of a liquidatable account can be taken over, with all sizes worth it, or why not.

A size is an amount of the base token. What is paid and received is the settlement token, and both are net: the margin
is lent for the length of the call. Source: ClearingHouse.liquidate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keeper.protocols.perp_curie import abi, math
from keeper.protocols.perp_curie.account import Holding
from keeper.protocols.perp_curie.health import decide, set_aside
from keeper.protocols.perp_curie.market import PerpCurieMarket
from keeper.protocols.perp_curie.takeover import Entered, Ready, Takeover, aftermath, entered, ready, take_over
from keeper.protocols.words import encode
from keeper.types import Address, Call, Declined, Offer, OfferKind, PositionKey, Reason, account_of, to_checksum
from keeper.units import MAX_UINT256, WAD, bps_up, div_up

MARGIN_BPS: Final = 12_000
"""Margin deposited over what is needed now: marks move before we land, and what is left over comes back."""
GAS: Final = 2_400_000
"""What deposit, takeover, exit and withdrawal burn together, measured: every step reads several mean prices anew."""
GAS_PER_ORDER: Final = 600_000
LEAST_VALUE: Final = WAD
"""Smaller sizes are not offered: below a dollar a swap may come to nothing on one side, which the contract refuses."""


@dataclass(frozen=True, slots=True)
class PositionTakeover:
    """An offer's detail: the contracts, the market, the side, and the price its margin is counted at."""

    clearing_house: Address
    vault: Address
    account_balance: Address
    base: Address
    is_long: bool
    price: int
    im_ratio: int
    decimals: int

    def deposit(self, size: int) -> int:
        """Margin for a size, in base units of the settlement token, rounded up."""
        value = div_up(size * self.price, WAD)
        return bps_up(math.least_deposit(value, self.im_ratio, self.decimals) + 1, MARGIN_BPS)


def detail_of(offer: Offer) -> tuple[PositionTakeover, PositionKey]:
    """Return an offer's own detail and position; any other adapter's offer is a programming error."""
    if not isinstance(offer.detail, PositionTakeover) or offer.key is None:
        raise TypeError("not an offer of this adapter")

    return offer.detail, offer.key


def offers(key: PositionKey, market: PerpCurieMarket) -> Sequence[Offer | Declined]:
    """Offer each position of an account, or say why not."""
    standing = decide(key, market)
    if isinstance(standing, Declined):
        return [standing]

    if not standing.liquidatable:
        numbers: dict[str, int | str] = {
            "account_value": standing.account_value,
            "requirement": standing.requirement,
        }
        return [Declined(market.deployment, key, Reason.HEALTHY, numbers)]

    if market.rules.paused:
        return [Declined(market.deployment, key, Reason.PAUSED, {})]

    found = ready(key, market)
    if isinstance(found, Declined):
        return [found]

    if not found.standing.liquidatable:
        return [
            Declined(market.deployment, key, Reason.HEALTHY, {"why": "it is healthy once its orders are cancelled"})
        ]

    prelude = _prelude(key, market)
    orders = sum(len(holding.orders) for _, holding in market.account(key).holdings)
    held = [(base, holding) for base, holding in found.account.holdings if abs(holding.size) >= math.DUST]
    return [_offer(key, (base, holding), market, found, (prelude, orders)) for base, holding in held] or [
        Declined(market.deployment, key, Reason.NO_LEGAL_SIZE, {"why": "it has no position to take over"})
    ]


def markets_set_aside(market: PerpCurieMarket) -> Sequence[Declined]:
    """Decline each market and collateral that cannot be decided once, however many accounts it has."""
    troubled = [(base, one.trouble) for base, one in market.instruments.items() if one.trouble]
    troubled += [
        (token, "the price of a collateral is unknown")
        for token, known in market.collaterals.items()
        if known.price is None
    ]
    return [set_aside(None, market, token, why) for token, why in troubled]


def _prelude(key: PositionKey, market: PerpCurieMarket) -> tuple[Call, ...]:
    """Cancel what orders the account has in open markets: it cannot be liquidated before."""
    house = market.contracts.clearing_house
    return tuple(
        Call(house, encode(abi.CANCEL_ALL_EXCESS_ORDERS, account_of(key), base))
        for base, holding in market.account(key).holdings
        if holding.orders and market.instruments[base].is_open
    )


def _offer(
    key: PositionKey,
    held: tuple[Address, Holding],
    asked: PerpCurieMarket,
    found: Ready,
    cancels: tuple[tuple[Call, ...], int],
) -> Offer | Declined:
    """Offer one position; `cancels` are the calls that cancel the account's orders, and how many orders those are."""
    (base, holding), (prelude, orders) = held, cancels
    market, one = found.market, found.market.instruments[base]
    contracts, token = market.contracts, market.contracts.settlement_token
    detail = PositionTakeover(
        clearing_house=contracts.clearing_house,
        vault=contracts.vault,
        account_balance=contracts.account_balance,
        base=base,
        is_long=holding.size > 0,
        price=one.price,
        im_ratio=market.rules.im_ratio,
        decimals=contracts.decimals,
    )
    if not one.is_open:
        return _no(key, detail, market, Reason.PAUSED, status=one.status.name.lower())

    inside = entered(key, base, asked)
    sizes = inside if isinstance(inside, Declined) else _sizes(key, detail, inside)
    if isinstance(sizes, Declined):
        return sizes

    return Offer(
        deployment=market.deployment,
        kind=OfferKind.ASSUME,
        key=key,
        pay_token=token,
        receive_token=token,
        size_token=base,
        sizes=(sizes,),
        detail=detail,
        prelude=prelude,
        gas=GAS + GAS_PER_ORDER * orders,
    )


def _sizes(key: PositionKey, detail: PositionTakeover, found: Entered) -> tuple[int, int] | Declined:
    """All sizes from a dollar's worth to the most that may be taken over and left again, or what stands against."""
    high = abs(found.most)
    low = min(high, div_up(LEAST_VALUE * WAD, found.one.price))
    if low < math.DUST:
        return _no(key, detail, found.market, Reason.NO_LEGAL_SIZE, most=high)

    against = _against(key, detail, found, high)
    if against is None:
        return low, high

    smallest = _against(key, detail, found, low)
    if smallest is not None:
        return smallest

    # Every condition that fails at a size fails at all greater ones.
    known, refused = low, high
    while refused - known > 1:
        middle = (known + refused) // 2
        if _against(key, detail, found, middle) is None:
            known = middle
        else:
            refused = middle

    return low, known


def _against(key: PositionKey, detail: PositionTakeover, found: Entered, size: int) -> Declined | None:
    """What stands against one size, None where nothing does."""
    market = found.market
    taken = take_over(size, found)
    if taken is None:
        return _no(key, detail, market, Reason.NO_ROUTE, why="its own pool cannot carry the exit", size=size)

    left = aftermath(key, taken, found)
    if isinstance(left, Declined):
        return left

    if left.unborne:
        return _no(key, detail, market, Reason.NO_LIQUIDITY, insurance_fund_lacks=left.unborne, size=size)

    rules, margin = market.rules, detail.deposit(size)
    if rules.vault_tokens + margin > rules.balance_cap:
        return _no(key, detail, market, Reason.NO_LIQUIDITY, deposit_cap=min(rules.balance_cap, MAX_UINT256))

    if rules.vault_tokens < net_gain(taken, detail.decimals):
        return _no(key, detail, market, Reason.NO_LIQUIDITY, vault_holds=rules.vault_tokens)

    return None


def net_gain(taken: Takeover, decimals: int) -> int:
    """What comes back beyond the margin, in base units of the settlement token, rounded down. Vault.withdrawAll."""
    return math.format_settlement(taken.gain, decimals)


def _no(
    key: PositionKey, detail: PositionTakeover, market: PerpCurieMarket, reason: Reason, **numbers: int | str
) -> Declined:
    return Declined(market.deployment, key, reason, {"base_token": to_checksum(detail.base), **numbers})
