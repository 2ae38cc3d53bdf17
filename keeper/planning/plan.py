"""A chosen opportunity as a transaction: calldata, the floor the executor enforces, and until when it may land."""

from typing import Any, Final

from eth_utils.crypto import keccak

from keeper.execution.calldata import encode_execute
from keeper.execution.operations import Header
from keeper.planning.base import Opportunity, Plan, Policy
from keeper.planning.inputs import PlanningInput
from keeper.planning.profit import floor_amount
from keeper.planning.program import callback_program, program
from keeper.protocols.base import Adapter, Market
from keeper.protocols.calls import GuardedCall

_ID_BYTES: Final = 12


def build_plan(
    opportunity: Opportunity, policy: Policy, adapter: Adapter[Any], market: Market, inputs: PlanningInput
) -> Plan:
    """Turn an opportunity of this market into a plan; the same opportunity at the same head gives the same plan."""
    inner = callback_program(opportunity, inputs.executor)
    calls: list[GuardedCall] = []
    for step in opportunity.calls:
        calls += adapter.encoder.calls(step.offer, step.size, step.settlement, market, inner)
        market = adapter.offers.after(step.offer, step.size, market) if opportunity.steps else market

    min_profit = floor_amount(
        opportunity.profit, opportunity.gas_cost_wei, policy.min_profit_usd, policy.floor_bps, inputs.numeraire
    )
    header = Header(
        deadline=inputs.target.expires_at,
        profit_token=opportunity.profit.token,
        min_profit=min_profit,
        max_block=inputs.max_block,
    )
    data = encode_execute(header, program(opportunity, calls, inputs.executor))
    return Plan(
        id=_identify(opportunity, market, data),
        opportunity=opportunity,
        target=inputs.target,
        executor=inputs.executor,
        data=data,
        min_profit=min_profit,
        max_block=inputs.max_block,
        gas_limit=inputs.gas.limit(opportunity.gas),
    )


def _identify(opportunity: Opportunity, market: Market, data: bytes) -> str:
    """Name a plan by what it does, what is expected of it and the head it was made on.

    Replays and restarts name it alike; another fork, or a place behind other plans, gives it another name.
    """
    offer, settlement = opportunity.offer, opportunity.settlement
    amounts = (
        *(step.size for step in opportunity.calls),
        opportunity.profit.amount,
        opportunity.gas_cost_wei,
        *(paid.amount for paid in settlement.pays),
        *(got.amount for got in settlement.receives),
        *opportunity.route.amounts,
    )
    expected = " ".join(map(str, amounts)).encode()
    names = (opportunity.strategy.encode(), offer.deployment.encode(), offer.key or b"")
    parts = (*names, market.head.hash, data, expected)
    return keccak(b"".join(len(part).to_bytes(4, "big") + part for part in parts))[:_ID_BYTES].hex()
