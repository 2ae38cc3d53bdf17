"""Plans with round numbers: repay 1,000 of one token, seize 1,100 of another, keep 80 after the sale."""

from dataclasses import replace

from keeper.execution.bidding import BidPolicy, FixedTip
from keeper.planning.base import Funding, Opportunity, Plan
from keeper.protocols.base import Lender
from keeper.routing.base import RouteQuote
from keeper.types import (
    Address,
    BlockTarget,
    Offer,
    OfferKind,
    Payment,
    PositionKey,
    Settlement,
    TokenAmount,
)
from keeper.units import GWEI, USD
from tests.fakes.heads import target

DEBT = Address(b"\xdd" * 20)
COLLATERAL = Address(b"\xcc" * 20)
EXECUTOR = Address(b"\xee" * 20)
POOL = Address(b"\xaa" * 20)
NATIVE_USD = 2_000 * USD
"""One whole native token is 2,000 dollars."""
POLICIES = {"flash": BidPolicy(FixedTip(GWEI), max_fee_wei=500 * GWEI, min_profit_usd=5 * USD)}
GAS = 500_000
SELECTOR = b"\x12\x34\x56\x78"


def position(index: int = 1) -> PositionKey:
    return PositionKey(index.to_bytes(20, "big"))


def make_plan(index: int = 1, at: BlockTarget | None = None, **changes) -> Plan:
    """Plan `index` liquidates position `index`; 100 dollars of profit, before gas."""
    at = at or target()
    settlement = Settlement((Payment(DEBT, 1_000, 1_001, POOL),), (TokenAmount(COLLATERAL, 1_100),))
    offer = Offer("market", OfferKind.SEIZE, position(index), DEBT, COLLATERAL, DEBT, ((1, 1_000),), detail=None)
    lender = Lender("aave_v3", POOL, DEBT, 10**9, 5, fee_rounds_up=False)
    opportunity = Opportunity(
        strategy="flash",
        offer=offer,
        size=1_000,
        settlement=settlement,
        route=RouteQuote((), 1_100, 1_100),
        funding=Funding(lender, 1_001, 1),
        profit=TokenAmount(COLLATERAL, 80),
        gas=GAS,
        gas_cost_wei=GAS * 2 * GWEI,
        profit_usd=100 * USD,
        net_usd=98 * USD,
    )
    values = {
        "id": f"plan-{index}",
        "opportunity": opportunity,
        "target": at,
        "executor": EXECUTOR,
        "data": SELECTOR + index.to_bytes(32, "big"),
        "min_profit": 72,
        "max_block": at.number + 2,
        "gas_limit": 700_000,
    }
    return Plan(**{**values, **changes})


def apart(index: int, group: int, at: BlockTarget | None = None, **changes) -> Plan:
    """A plan that shares tokens and lender with plans of its own group only."""
    plan = make_plan(index, at, **changes)
    pay, receive = Address(bytes([0xD0, group]) * 10), Address(bytes([0xC0, group]) * 10)
    opportunity = plan.opportunity
    offer = replace(opportunity.offer, pay_token=pay, receive_token=receive)
    funding = replace(opportunity.funding, lender=replace(opportunity.funding.lender, token=pay))
    return replace(plan, opportunity=replace(opportunity, offer=offer, funding=funding))
