"""A plan's transaction run beforehand, on the head's state, in the block it aims for.

Running it at the head's own timestamp would be wrong: debts and auctions move with time. A simulation is not the
truth either; the executor's floor decides on chain. It stops what would only cost gas, and what the model got wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from keeper.chain.port import Hypothesis, PinnedChain
from keeper.errors import ChainError
from keeper.planning.base import Plan
from keeper.types import Address, BlockHead, Call, Declined, Reason

Explain: TypeAlias = Callable[[str, bytes], str]
"""Names a revert, given the deployment it came from, in the executor's or the protocol's own words."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """A simulation that went through; `profit` as the executor returned it, None where it returns nothing."""

    profit: int | None


class Simulator:
    """Runs plans as the operator would send them."""

    def __init__(self, chain: PinnedChain, operator: Address, explain: Explain) -> None:
        self._chain = chain
        self._operator = operator
        self._explain = explain

    async def run(self, plan: Plan, head: BlockHead, *, alone: bool) -> Simulated | Declined:
        """Run one plan; a revert, a quiet miss, another profit than the model's or no answer declines it.

        `alone` says that no plan of the same block goes before it: only then is the head's state the one the plan was
        made for, and its profit must come out to the wei.
        """
        call = Call(plan.executor, plan.data, sender=self._operator, gas=plan.gas_limit)
        # Whoever builds the next block is unknown; the last one's builder is a real account that is paid like any.
        hypothesis = Hypothesis(plan.target, head.coinbase)
        try:
            returned = await self._chain.simulate(call, head, hypothesis)
        except ChainError as error:
            # Nobody can say whether it would work, so it does not.
            return _declined(plan, Reason.SIMULATION_FAILED, node=error.message)

        if not returned.ok:
            reason = self._explain(plan.opportunity.offer.deployment, returned.data)
            return _declined(plan, Reason.SIMULATION_FAILED, revert=reason)

        if len(returned.data) not in (0, 32):
            return _declined(plan, Reason.SIMULATION_FAILED, revert=f"returned {len(returned.data)} bytes, not a word")

        profit = int.from_bytes(returned.data, "big") if returned.data else None
        if profit == 0:
            return _declined(plan, Reason.SIMULATION_FAILED, revert="quiet miss: nothing to liquidate")

        expected = plan.opportunity.profit.amount
        if alone and profit is not None and profit != expected:
            return _declined(plan, Reason.SIMULATION_DIFFERS, expected_profit=expected, simulated_profit=profit)

        return Simulated(profit)


def _declined(plan: Plan, reason: Reason, **numbers: int | str) -> Declined:
    offer = plan.opportunity.offer
    return Declined(offer.deployment, offer.key, reason, {"plan": plan.id, **numbers})
