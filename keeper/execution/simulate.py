"""A plan's transaction run beforehand, on the head's state, in the block it aims for.

Running it at the head's own timestamp would be wrong: debts and auctions move with time. A simulation is not the
truth either; the executor's floor decides on chain. It stops what would only cost gas, and what the model got wrong.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from keeper.chain.port import Hypothesis, PinnedChain
from keeper.errors import ChainError
from keeper.planning.base import Plan
from keeper.types import Address, BlockHead, Call, Declined, Reason, Returned

Explain: TypeAlias = Callable[[str, bytes], str]
"""Names a revert, given the deployment it came from, in the executor's or the protocol's own words."""
_WORD_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Simulated:
    """A simulation that went through; `profit` as the executor returned it, in the plan's profit token."""

    profit: int


class Simulator:
    """Runs plans as the operator would send them."""

    def __init__(self, chain: PinnedChain, operator: Address, explain: Explain) -> None:
        self._chain = chain
        self._operator = operator
        self._explain = explain

    async def run(
        self, plans: Sequence[Plan], head: BlockHead, *, exact: int, ahead: Sequence[Call] = ()
    ) -> list[Simulated | Declined]:
        """Run plans in the order they will be sent, each on what those before it leave; an answer for each.

        `ahead` are transactions under way that go before all of them. A revert, a quiet miss, or no answer declines a
        plan. The first `exact` plans were made for exactly this order: as long as none of those before fails, their
        profit must come out to the wei.
        """
        if not plans:
            return []

        # Whoever builds the next block is unknown; the last one's builder is a real account that is paid like any.
        hypothesis = Hypothesis(plans[0].target, head.coinbase)
        returns = await self._answers([*ahead, *map(self.call, plans)], head, hypothesis)
        if not all(isinstance(before, Returned) and before.ok and any(before.data) for before in returns[: len(ahead)]):
            exact = 0

        answers: list[Simulated | Declined] = []
        for plan, returned in zip(plans, returns[len(ahead) :], strict=True):
            place = len(answers)
            in_order = place < exact and all(isinstance(before, Simulated) for before in answers)
            if isinstance(returned, Returned) and not returned.ok and not returned.data and place + len(ahead):
                returned = await self._reason(plan, head, hypothesis)  # noqa: PLW2901  # the same answer, with words

            answers.append(self._judge(plan, returned, exact=in_order))

        return answers

    async def _answers(
        self, calls: Sequence[Call], head: BlockHead, hypothesis: Hypothesis
    ) -> Sequence[Returned | ChainError]:
        try:
            if len(calls) == 1:
                return [await self._chain.simulate(calls[0], head, hypothesis)]

            return await self._chain.simulate_in_turn(calls, head, hypothesis)
        except ChainError as error:
            # Nobody can say whether they would work, so they do not.
            return [error] * len(calls)

    async def _reason(self, plan: Plan, head: BlockHead, hypothesis: Hypothesis) -> Returned:
        """Learn why a plan fails behind others, where the node did not say: alone it may fail for the same reason."""
        try:
            alone = await self._chain.simulate(self.call(plan), head, hypothesis)
        except ChainError:
            return Returned(ok=False, data=b"")

        return Returned(ok=False, data=b"" if alone.ok else alone.data)

    def call(self, plan: Plan) -> Call:
        """The transaction of a plan, as the operator would send it."""
        return Call(plan.executor, plan.data, sender=self._operator, gas=plan.gas_limit)

    def _judge(self, plan: Plan, returned: Returned | ChainError, *, exact: bool) -> Simulated | Declined:
        if isinstance(returned, ChainError):
            return _declined(plan, Reason.SIMULATION_FAILED, node=returned.message)

        if not returned.ok:
            reason = self._explain(plan.opportunity.offer.deployment, returned.data)
            return _declined(plan, Reason.SIMULATION_FAILED, revert=reason)

        if len(returned.data) != _WORD_BYTES:
            return _declined(plan, Reason.SIMULATION_FAILED, revert=f"returned {len(returned.data)} bytes, not a word")

        profit = int.from_bytes(returned.data, "big")
        if profit == 0:
            return _declined(plan, Reason.SIMULATION_FAILED, revert="quiet miss: nothing to liquidate")

        expected = plan.opportunity.profit.amount
        if exact and profit != expected:
            return _declined(plan, Reason.SIMULATION_DIFFERS, expected_profit=expected, simulated_profit=profit)

        return Simulated(profit)


def _declined(plan: Plan, reason: Reason, **numbers: int | str) -> Declined:
    offer = plan.opportunity.offer
    return Declined(offer.deployment, offer.key, reason, {"plan": plan.id, **numbers})
