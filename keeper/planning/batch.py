"""Several plans in one transaction, each isolated from the others, where that saves more than it risks.

What is saved is a transaction's base cost and a frame. What is risked is what they have in common: an item that fails
alone is skipped, but where several fail the floor of the rest is not met, and all is lost. So it is the small that
travel together; what a plan is worth decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from eth_utils.crypto import keccak

from keeper.execution.calldata import encode_execute
from keeper.execution.explain import decode_execute
from keeper.execution.operations import Flag, Try, Watch
from keeper.planning.base import Opportunity, Plan, Policy
from keeper.planning.inputs import PlanningInput
from keeper.types import TokenAmount
from keeper.units import BPS, bps_down, mul_div_up

SAVED_GAS: Final = 100_000
"""Gas that each item after the first does not burn: 21,000 for a transaction, and what opening and closing a frame and
touching the same contracts anew costs. Items of one pair save twice as much on the sandbox; others may differ."""
RESERVE_GAS: Final = 150_000
"""Above the items' own limits: what the executor keeps back before each, and its settlement."""
FAILS_BPS: Final = 500
"""How often a plan that was simulated fails all the same, taken for the worst: one in twenty."""
MOST_ITEMS: Final = 5
MOST_GAS: Final = 6_000_000
"""Together, so that a block still has room for it."""
_ID_BYTES: Final = 12


def batched(plans: Sequence[Plan], inputs: PlanningInput) -> list[Plan]:
    """Put neighbours together where their strategy wants it and it is worth it; the order stays."""
    policies = {policy.name: policy for policy in inputs.policies}
    groups: list[list[Plan]] = []
    for plan in plans:
        if groups and _joins(plan, groups[-1], policies, inputs):
            groups[-1].append(plan)
        else:
            groups.append([plan])

    return [group[0] if len(group) == 1 else together(group, inputs) for group in groups]


def together(plans: Sequence[Plan], inputs: PlanningInput) -> Plan:
    """One plan that does all of these, in their order, and survives that any one of them fails.

    Its floor is the strategy's share of what is left where the one that earns most fails. Not more: by the time the
    executor adds up, the gas is burnt, and to refuse what the others earned would not bring it back.
    """
    first, opportunities = plans[0], [plan.opportunity for plan in plans]
    decoded = [decode_execute(plan.data) for plan in plans]
    whole = _sum(opportunities, inputs)
    policy = next(policy for policy in inputs.policies if policy.name == whole.strategy)
    left = whole.profit.amount - max(one.profit.amount for one in opportunities)
    floor = max(bps_down(left, policy.floor_bps), 1)
    header = replace(decoded[0][0], min_profit=floor, flags=Flag.SKIP_FAILED)
    watched = dict.fromkeys(op.token for _, ops in decoded for op in ops if isinstance(op, Watch))
    items = [
        Try(plan.gas_limit, tuple(op for op in ops if not isinstance(op, Watch)))
        for plan, (_, ops) in zip(plans, decoded, strict=True)
    ]
    data = encode_execute(header, (*map(Watch, watched), *items))
    limits = [plan.gas_limit for plan in plans]
    named = b"".join(bytes.fromhex(plan.id) for plan in plans) + data
    return replace(
        first,
        id=keccak(named)[:_ID_BYTES].hex(),
        opportunity=whole,
        data=data,
        min_profit=floor,
        gas_limit=sum(limits) + max(limits) // 63 + RESERVE_GAS,
        items=tuple(plans),
    )


def _joins(plan: Plan, group: Sequence[Plan], policies: Mapping[str, Policy], inputs: PlanningInput) -> bool:
    first, policy = group[0], policies[plan.opportunity.strategy]
    alike = (
        first.opportunity.strategy == policy.name and first.opportunity.profit.token == plan.opportunity.profit.token
    )
    if not (policy.batch and alike) or len(group) == MOST_ITEMS:
        return False

    if sum(one.gas_limit for one in group) + plan.gas_limit > MOST_GAS:
        return False

    saved_usd = inputs.numeraire.gas_usd(SAVED_GAS * inputs.gas_price_wei)
    return at_risk_usd([*group, plan]) - at_risk_usd(group) < saved_usd


def at_risk_usd(plans: Sequence[Plan]) -> int:
    """What plans lose on average by travelling together: all of them, where two of them fail. Rounded up."""
    pairs = len(plans) * (len(plans) - 1) // 2
    at_stake = sum(plan.opportunity.net_usd for plan in plans)
    return mul_div_up(at_stake * pairs, FAILS_BPS**2, BPS**2)


def _sum(opportunities: Sequence[Opportunity], inputs: PlanningInput) -> Opportunity:
    """What all of them are worth in one transaction; the offer is the first one's."""
    saved = (len(opportunities) - 1) * SAVED_GAS
    saved_wei = saved * inputs.gas_price_wei
    first = opportunities[0]
    return replace(
        first,
        profit=TokenAmount(first.profit.token, sum(one.profit.amount for one in opportunities)),
        gas=sum(one.gas for one in opportunities) - saved,
        gas_cost_wei=sum(one.gas_cost_wei for one in opportunities) - saved_wei,
        profit_usd=sum(one.profit_usd for one in opportunities),
        net_usd=sum(one.net_usd for one in opportunities),
    )
