"""Settles what landed: the model on the state just before our transaction, and what the receipt's logs moved.

The parent block's market and pools are kept by the engine; the block's logs before ours bring them to the point our
transaction met. Nothing is read from our own plan but its sizes, its route and its loan.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from eth_utils.crypto import keccak

from keeper.chain.port import PinnedChain, Receipt
from keeper.deployment import Deployment
from keeper.errors import DecodeError, StateError
from keeper.execution.booking import Settled
from keeper.execution.causes import Result
from keeper.execution.explain import explain_revert
from keeper.journal.records import PlanRecord
from keeper.planning.deal import merged
from keeper.planning.underway import Taken, sold_again, taken_again
from keeper.pools import PoolBook
from keeper.protocols.base import Market
from keeper.routing.base import Pool
from keeper.types import (
    Address,
    BlockHead,
    BlockTarget,
    Log,
    LogQuery,
    Offer,
    Rejected,
    Settlement,
    TokenAmount,
)

EXECUTED: Final = bytes(keccak(text="Executed(address,address,uint256,uint256)"))
ITEM_FAILED: Final = bytes(keccak(text="ItemFailed(uint256,bytes)"))
_EVERYTHING: Final = LogQuery((), ())


class MarketSettler:
    """Implements `Settler` over the engine's own markets and pools."""

    def __init__(
        self, chain: PinnedChain, deployments: Sequence[Deployment], pools: PoolBook, executor: Address
    ) -> None:
        self._chain = chain
        self._deployments = {deployment.name: deployment for deployment in deployments}
        self._pools = pools
        self._executor = executor

    async def settle(self, plan: PlanRecord, receipt: Receipt, block: BlockHead) -> Settled | Rejected:
        """Settle a transaction that did not revert; see `Settler`."""
        deployment = self._deployment(plan)
        executed = _executed(receipt.logs, self._executor)
        if executed is None:
            return Rejected("nothing was left to liquidate")

        before = await self._logs_before(receipt, block)
        taken = _taken(deployment, plan, _market(deployment, plan, before, block))
        settlement, (realised, _) = taken.settlement, _realised(deployment, taken.offers, receipt.logs)
        if isinstance(realised, Rejected):
            return realised

        pools = self._pools.preceding(block.parent_hash, before)
        profit = None if pools is None else _profit(plan, settlement, pools)
        return Settled(
            Result(settlement, profit), Result(realised, executed), touched_before=self._strangers_in(before)
        )

    async def settle_items(
        self, plans: Sequence[PlanRecord], receipt: Receipt, block: BlockHead
    ) -> list[Settled | Rejected]:
        """Settle a batch, each item on what those before it left; see `Settler`.

        The executor names the items it skipped. It pays the sum of what the others brought: where that is what they
        settled for, each realised its own; else the last of them bears the difference.
        """
        executed = _executed(receipt.logs, self._executor)
        if executed is None:
            return [Rejected("nothing was left to liquidate") for _ in plans]

        before = await self._logs_before(receipt, block)
        strangers = self._strangers_in(before)
        skipped = _skipped(receipt.logs, self._executor)
        markets = {plan.deployment: _market(self._deployment(plan), plan, before, block) for plan in plans}
        pools = self._pools.preceding(block.parent_hash, before)
        found: list[Settled | Rejected] = []
        logs: Sequence[Log] = receipt.logs
        for place, plan in enumerate(plans):
            if place in skipped:
                found.append(Rejected(f"skipped: {skipped[place]}"))
                continue

            deployment = self._deployment(plan)
            taken = _taken(deployment, plan, markets[plan.deployment])
            realised, rest = _realised(deployment, taken.offers, logs, cut=True)
            if isinstance(realised, Rejected):
                found.append(realised)
                continue

            # Two items may buy the same of one market: each is told by the logs after those of the one before it.
            logs = rest

            markets[plan.deployment] = taken.market
            profit = None if pools is None else _profit(plan, taken.settlement, pools)
            pools = None if pools is None else _pools_after(plan, taken.settlement, pools)
            found.append(Settled(Result(taken.settlement, profit), Result(realised, profit), touched_before=strangers))

        return _paid(found, executed)

    def _deployment(self, plan: PlanRecord) -> Deployment:
        deployment = self._deployments.get(plan.deployment)
        if deployment is None:
            raise StateError(f"deployment {plan.deployment} is not in the configuration any more", plan=plan.id)

        return deployment

    def _strangers_in(self, before: Sequence[Log]) -> bool:
        """Whether somebody else's transaction left a log earlier in the block."""
        ours = {log.tx_hash for log in before if log.address == self._executor and log.topics[:1] == (EXECUTED,)}
        return any(log.tx_hash not in ours for log in before)

    async def _logs_before(self, receipt: Receipt, block: BlockHead) -> list[Log]:
        """Every log of the block ahead of our first one: prices move in contracts no source names."""
        first = receipt.logs[0].index
        logs = await self._chain.logs([_EVERYTHING], block.number, block)
        return [log for log in logs if log.index < first]


def _market(deployment: Deployment, plan: PlanRecord, before: Sequence[Log], block: BlockHead) -> Market:
    """The market just before a transaction: its block's parent, and the logs in between."""
    parent = deployment.market_of(block.parent_hash)
    if parent is None:
        raise StateError("the state it met is too old to be rebuilt", plan=plan.id)

    target = BlockTarget(block.number, block.timestamp, block.base_fee_wei, plan.target.expires_at)
    market: Market = deployment.adapter.sync.preceding(parent, before, target)
    return market


def _taken(deployment: Deployment, plan: PlanRecord, market: Market) -> Taken:
    """What the model says all calls of a plan move, each on what the one before it left."""
    taken = taken_again(plan.underway, deployment.adapter.offers, market, legal_only=False)
    if taken is None:
        raise StateError("the model has no such offer on the state it met", plan=plan.id)

    return taken


def _realised(
    deployment: Deployment, offers: Sequence[Offer], logs: Sequence[Log], *, cut: bool = False
) -> tuple[Settlement | Rejected, Sequence[Log]]:
    """What the receipt says all calls of a plan moved: each is told by the logs after those of the one before it.

    Also the logs after the last one's, where `cut` asks for those.
    """
    encoder = deployment.adapter.encoder
    moved: list[Settlement] = []
    for offer in offers:
        found = encoder.realised(offer, logs)
        if isinstance(found, Rejected):
            return found, logs

        moved.append(found)
        if cut or len(offers) > 1:
            told = (i for i in range(1, len(logs)) if not isinstance(encoder.realised(offer, logs[:i]), Rejected))
            logs = logs[next(told, len(logs)) :]

    return merged(moved), logs


def _profit(plan: PlanRecord, settlement: Settlement, pools: Mapping[Address, Pool]) -> TokenAmount | None:
    """What the plan's own route and loan leave of a settlement, in the profit token; None if a pool cannot take it."""
    underway = plan.underway
    sold = sold_again(underway, settlement.receives, pools)
    if sold is None:
        return None

    paid = sum(payment.amount for payment in settlement.pays if payment.token == plan.debt_token)
    return TokenAmount(plan.profit.token, sold.held[plan.profit.token] - paid - underway.funding.fee)


def _pools_after(
    plan: PlanRecord, settlement: Settlement, pools: Mapping[Address, Pool]
) -> Mapping[Address, Pool] | None:
    """The pools as the plan's own route leaves them; None where one could not take it."""
    sold = sold_again(plan.underway, settlement.receives, pools)
    return None if sold is None else {**pools, **{pool.address: pool for pool in sold.pools}}


def _paid(found: list[Settled | Rejected], executed: TokenAmount) -> list[Settled | Rejected]:
    """Make what the items realised add up to what the executor paid: the last one that landed bears a difference."""
    left, last = executed.amount, None
    for place, one in enumerate(found):
        if isinstance(one, Settled):
            left -= 0 if one.realised.profit is None else one.realised.profit.amount
            last = place

    if last is None or not isinstance(one := found[last], Settled):
        return found

    own = 0 if one.realised.profit is None else one.realised.profit.amount
    rest = Result(one.realised.settlement, TokenAmount(executed.token, own + left))
    return [*found[:last], replace(one, realised=rest), *found[last + 1 :]]


def _skipped(logs: Sequence[Log], executor: Address) -> dict[int, str]:
    """Which items of a batch the executor skipped, and what they said. Source: Interpreter.ItemFailed."""
    found: dict[int, str] = {}
    for log in logs:
        if log.address == executor and log.topics[:1] == (ITEM_FAILED,):
            index, length = int.from_bytes(log.data[:32], "big"), int.from_bytes(log.data[64:96], "big")
            found[index] = explain_revert(log.data[96 : 96 + length])

    return found


def _executed(logs: Sequence[Log], executor: Address) -> TokenAmount | None:
    """Read what the executor sent to the treasury; None where it did nothing (a quiet miss)."""
    for log in logs:
        if log.address == executor and log.topics[:1] == (EXECUTED,):
            if len(log.topics) != 3 or len(log.data) != 64:
                raise DecodeError("Executed with another shape than our contract's", block=log.block_number)

            return TokenAmount(Address(log.topics[2][12:]), int.from_bytes(log.data[:32], "big"))

    return None
