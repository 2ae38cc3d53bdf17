"""What a transaction offers for its place in a block, from the header's base fee and the plan's own profit; pure.

Fees are wei per unit of gas. A replacement's ladder is computed here, and climbed in `track`.
"""

from dataclasses import dataclass
from typing import Final

from keeper.execution.auction import NO_EXPERIENCE, ExpectedValue, Experience, Prospect, best_tip
from keeper.execution.base import Fees
from keeper.planning.base import Plan
from keeper.types import BlockHead, Declined, Reason
from keeper.units import BPS, WAD, bps_down, bps_up, mul_div, mul_div_up

MAX_TX_GAS: Final = 16_777_216
"""No transaction may ask for more gas on Ethereum since Osaka. Source: EIP-7825."""
REPLACEMENT_BPS: Final = 11_250
"""Of both fee fields, to replace a pending transaction: pools ask for 10 %, some clients for 12.5 %."""


@dataclass(frozen=True, slots=True)
class BaseFeeRule:
    """How a chain moves its base fee; both are the chain's constants (EIP-1559 gives 2 and 8)."""

    elasticity: int = 2
    denominator: int = 8


EIP1559: Final = BaseFeeRule()


@dataclass(frozen=True, slots=True)
class FixedTip:
    """The same priority fee for everything, in wei per gas."""

    tip_wei: int


@dataclass(frozen=True, slots=True)
class ProfitShare:
    """A share of what is left of the profit after the base fee, in basis points."""

    share_bps: int


@dataclass(frozen=True, slots=True)
class BidPolicy:
    """What a strategy may offer; what it must keep is `min_profit_usd` (times 10**18) plus `min_profit_wei`."""

    tip: FixedTip | ProfitShare | ExpectedValue
    max_fee_wei: int
    min_profit_usd: int = 0
    min_profit_wei: int = 0


@dataclass(frozen=True, slots=True)
class Bid:
    """The fees of a plan and what they may cost.

    `ceiling_wei` is the fee per gas above which the plan would keep less than its policy asks, or pay more than it
    allows; no replacement goes past it. `expected_cost_wei` is for the expected gas at the aimed block,
    `worst_cost_wei` for the whole gas limit at the full fee: what the key must be able to pay.
    """

    fees: Fees
    ceiling_wei: int
    expected_cost_wei: int
    worst_cost_wei: int


def next_base_fee(head: BlockHead, rule: BaseFeeRule = EIP1559) -> int:
    """Compute the base fee of the block after this one, in wei.

    Divisions truncate, in the consensus rule's order; an increase is at least 1. Source: EIP-1559, `calc_base_fee`.
    """
    target = head.gas_limit // rule.elasticity
    if head.gas_used == target:
        return head.base_fee_wei

    if head.gas_used > target:
        rise = head.base_fee_wei * (head.gas_used - target) // target // rule.denominator
        return head.base_fee_wei + max(rise, 1)

    fall = head.base_fee_wei * (target - head.gas_used) // target // rule.denominator
    return head.base_fee_wei - fall


def base_fee_after_full_blocks(base_fee_wei: int, blocks: int, rule: BaseFeeRule = EIP1559) -> int:
    """Grow a base fee over this many full blocks, the fastest it can rise; 0 blocks leave it as it is."""
    for _ in range(blocks):
        rise = base_fee_wei * (rule.elasticity - 1) // rule.denominator
        base_fee_wei += max(rise, 1)

    return base_fee_wei


def gas_cost_wei(gas: int, base_fee_wei: int, fees: Fees) -> int:
    """Price gas at one base fee: the lesser of the cap and base fee plus tip. Source: EIP-1559."""
    return gas * min(fees.max_fee_wei, base_fee_wei + fees.tip_wei)


def usd_to_wei(usd: int, native_usd: int) -> int:
    """Convert dollars times 10**18 to wei at the native token's price (dollars times 10**18), rounded down."""
    return mul_div(usd, WAD, native_usd)


def fee_ceiling_wei(plan: Plan, policy: BidPolicy, native_usd: int) -> int:
    """Derive the fee per gas at which the plan keeps exactly what its policy asks; negative when it never does.

    Wei per gas, rounded down; the part to keep is rounded up.
    """
    profit_wei = usd_to_wei(plan.opportunity.profit_usd, native_usd)
    keep_wei = policy.min_profit_wei + mul_div_up(policy.min_profit_usd, WAD, native_usd)
    return (profit_wei - keep_wei) // plan.opportunity.gas


def bid(
    plan: Plan,
    policy: BidPolicy,
    native_usd: int,
    rule: BaseFeeRule = EIP1559,
    experience: Experience = NO_EXPERIENCE,
) -> Bid | Declined:
    """Price a plan: pay the base fee through its last block, tip by policy, never past what it earns.

    `experience` is the deployment's, for bids by expected value; such a bid that loses on average is `UNPROFITABLE`.
    `native_usd` is dollars times 10**18 for one whole native token. A base fee the policy's cap or the profit cannot
    carry declines with `FEE_CAP` or `BELOW_MIN_PROFIT`, an unknown price (0) with `UNKNOWN_PRICE`, a gas limit no block
    takes with `TOO_MUCH_GAS`.
    """
    if plan.gas_limit > MAX_TX_GAS:
        return _declined(plan, Reason.TOO_MUCH_GAS, gas_limit=plan.gas_limit, most=MAX_TX_GAS)

    if native_usd <= 0:
        return _declined(plan, Reason.UNKNOWN_PRICE, native_usd=native_usd)

    opportunity, base_fee = plan.opportunity, plan.target.base_fee_wei
    ceiling = fee_ceiling_wei(plan, policy, native_usd)
    if ceiling < base_fee:
        return _declined(plan, Reason.BELOW_MIN_PROFIT, ceiling_wei=ceiling)

    if policy.max_fee_wei < base_fee:
        return _declined(plan, Reason.FEE_CAP, max_fee_per_gas_wei=policy.max_fee_wei)

    room = min(ceiling, policy.max_fee_wei) - base_fee
    wished = _wished_tip(plan, policy, native_usd, room, experience)
    if wished is None:
        return _declined(plan, Reason.UNPROFITABLE, auctions=len(experience.winning_bps), ceiling_wei=ceiling)

    tip = min(wished, room)
    grown = base_fee_after_full_blocks(base_fee, plan.max_block - plan.target.number, rule)
    fees = Fees(max_fee_wei=min(grown + tip, base_fee + room), tip_wei=tip)
    return Bid(
        fees,
        ceiling_wei=min(ceiling, policy.max_fee_wei),
        expected_cost_wei=gas_cost_wei(opportunity.gas, base_fee, fees),
        worst_cost_wei=plan.gas_limit * fees.max_fee_wei,
    )


def replacement_fees(old: Fees, base_fee_wei: int) -> Fees:
    """Raise both fields enough for a pool to take the new transaction for the old, and enough for the base fee.

    Rounded up and always strictly more. Source: go-ethereum, `core/txpool/legacypool`, price bump on both fields.
    """
    tip = max(bps_up(old.tip_wei, REPLACEMENT_BPS), old.tip_wei + 1)
    max_fee = max(bps_up(old.max_fee_wei, REPLACEMENT_BPS), old.max_fee_wei + 1)
    return Fees(max_fee_wei=max(max_fee, base_fee_wei + tip), tip_wei=tip)


def next_rung(old: Fees, base_fee_wei: int, blocks: int, ceiling_wei: int) -> Fees | None:
    """Climb one rung: enough for a pool to replace the old bid and, within the ceiling, for this many full blocks.

    `base_fee_wei` is the next block's. None where no replacement under the ceiling could land in that block.
    """
    least = replacement_fees(old, 0)
    if max(least.max_fee_wei, base_fee_wei) > ceiling_wei:
        return None

    wanted = base_fee_after_full_blocks(base_fee_wei, blocks) + least.tip_wei
    return Fees(max_fee_wei=max(least.max_fee_wei, min(wanted, ceiling_wei)), tip_wei=least.tip_wei)


def _wished_tip(plan: Plan, policy: BidPolicy, native_usd: int, room_wei: int, experience: Experience) -> int | None:
    if isinstance(policy.tip, FixedTip):
        return policy.tip.tip_wei

    opportunity = plan.opportunity
    left_wei = usd_to_wei(opportunity.profit_usd, native_usd) - opportunity.gas * plan.target.base_fee_wei
    if isinstance(policy.tip, ExpectedValue):
        prospect = Prospect(left_wei, opportunity.gas, plan.target.base_fee_wei, room_wei)
        return best_tip(prospect, policy.tip, experience)

    return bps_down(max(left_wei, 0), min(policy.tip.share_bps, BPS)) // opportunity.gas


def _declined(plan: Plan, reason: Reason, **numbers: int) -> Declined:
    offer = plan.opportunity.offer
    return Declined(
        offer.deployment,
        offer.key,
        reason,
        {
            "plan": plan.id,
            "base_fee_wei": plan.target.base_fee_wei,
            "profit_usd": plan.opportunity.profit_usd,
            **numbers,
        },
    )
