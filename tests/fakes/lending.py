"""A lending market behind the adapter's port: positions with seize offers of fixed price and bonus, and flash loans.

Amounts follow the usual shape: what is seized is the repayment's value plus a bonus, rounded down twice, and never more
than the collateral.
"""

from dataclasses import dataclass, field, replace

from keeper.protocols.base import Adapter, Lender
from keeper.protocols.calls import GuardedCall
from keeper.types import (
    Address,
    BlockHead,
    BlockTarget,
    Call,
    Declined,
    Health,
    Offer,
    OfferKind,
    Payment,
    PositionKey,
    Reason,
    Settlement,
    TokenAmount,
    TokenPrice,
)
from keeper.units import USD
from tests.fakes.heads import head, target
from tests.fakes.pools import address

MARKET = address(500)
"""The contract of the fake market: it seizes, and it lends."""
SEIZE = bytes.fromhex("5e12e000")


@dataclass(frozen=True)
class Rate:
    """How repayment turns into collateral: value ratio `numerator / denominator` of base units, bonus in bps."""

    numerator: int
    denominator: int
    bonus_bps: int = 10_500

    def seized(self, paid: int) -> int:
        return paid * self.numerator // self.denominator * self.bonus_bps // 10_000


@dataclass(frozen=True)
class FakePosition:
    """One seizable pair; `grows` is how much a payment may grow until the plan expires."""

    debt_token: Address
    collateral_token: Address
    sizes: tuple[tuple[int, int], ...]
    rate: Rate
    collateral: int = 10**40
    grows: int = 0
    healthy: bool = False
    bad_debt: bool = False


@dataclass(frozen=True)
class FakeMarket:
    """Positions by key, each with its pairs; `lent` by token."""

    positions: dict[PositionKey, tuple[FakePosition, ...]]
    prices: dict[Address, TokenPrice]
    name: str = "market"
    fee_bps: int = 5
    available: dict[Address, int] = field(default_factory=dict)
    head: BlockHead = field(default_factory=head)
    target: BlockTarget = field(default_factory=target)

    def at(self, target):
        return replace(self, target=target)

    def with_prices(self, prices):
        changed = {token: replace(self.prices[token], price=usd) for token, usd in prices.items()}
        return replace(self, prices={**self.prices, **changed})

    def token_prices(self):
        return self.prices


class FakeOffers:
    def offers(self, key, market):
        pairs = market.positions.get(key, ())
        if not pairs:
            return [Declined(market.name, key, Reason.HEALTHY)]

        return [self._offer(key, place, pair, market) for place, pair in enumerate(pairs)]

    def _offer(self, key, place, pair, market):
        if pair.healthy:
            return Declined(market.name, key, Reason.HEALTHY)

        tokens = (pair.debt_token, pair.collateral_token, pair.debt_token)
        return Offer(market.name, OfferKind.SEIZE, key, *tokens, pair.sizes, detail=place)

    def open_offers(self, market):
        del market
        return ()

    def settle(self, offer, size, market):
        assert any(low <= size <= high for low, high in offer.sizes), "asked for a size that is not legal"
        pair = market.positions[offer.key][offer.detail]
        payment = Payment(offer.pay_token, size, size + pair.grows, MARKET)
        seized = min(pair.rate.seized(size), pair.collateral)
        return Settlement((payment,), (TokenAmount(offer.receive_token, seized),))

    def after(self, offer, size, market):
        del size
        return replace(market, positions={key: pairs for key, pairs in market.positions.items() if key != offer.key})


class FakeEncoder:
    def permissions(self, market):
        del market
        return ()

    def calls(self, offer, size, settlement, market, inner):
        del settlement, market
        assert not inner
        data = SEIZE + offer.key[-20:] + size.to_bytes(32, "big")
        return (GuardedCall(Call(MARKET, data)),)

    def realised(self, offer, logs):
        raise AssertionError(f"planning never asks what was realised: {offer} {logs}")

    def explain(self, revert):
        return revert.hex()


class FakeLender:
    def lenders(self, market):
        return [
            Lender("aave_v3", MARKET, token, amount, market.fee_bps, fee_rounds_up=True)
            for token, amount in market.available.items()
        ]


class FakeHealth:
    """Health is given, not computed: a position with pairs can be liquidated, one without is healthy."""

    def health(self, key, market):
        pairs = market.positions.get(key, ())
        bad = any(pair.bad_debt for pair in pairs)
        return Health(key, 9 * 10**17 if pairs else 10**18, bool(pairs), 90 if bad else 110, 100, 10**8)


def adapter(name: str = "market") -> Adapter:
    """The market's adapter; its state is whatever market a test hands over."""
    return Adapter(name, "aave_v3", None, FakeHealth(), FakeOffers(), FakeEncoder(), FakeLender())


def price(usd: int, decimals: int) -> TokenPrice:
    """A price in whole dollars."""
    return TokenPrice(usd * USD, decimals)
