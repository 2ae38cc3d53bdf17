"""Finds who was faster: a transaction of a block, not ours, whose logs say that it took a plan's position."""

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from keeper.chain.port import ChainPort
from keeper.deployment import Deployment
from keeper.execution.learning import share_of_room
from keeper.journal.records import PlanRecord
from keeper.journal.winners import Winner
from keeper.types import Address, BlockHead, Log, LogQuery, Offer, Rejected

_EVERYTHING: Final = LogQuery((), ())


class MarketRivals:
    """Implements `RivalFinder` over the engine's own markets and the adapters' own reading of logs."""

    def __init__(self, chain: ChainPort, deployments: Sequence[Deployment], executor: Address) -> None:
        self._chain = chain
        self._deployments = {deployment.name: deployment for deployment in deployments}
        self._executor = executor

    async def find(self, plan: PlanRecord, block_number: int) -> Winner | None:
        """Find who took the plan's position in a block; see `RivalFinder`."""
        deployment = self._deployments.get(plan.deployment)
        block = await self._chain.header(block_number)
        if deployment is None or block is None or plan.position is None:
            return None

        parent = deployment.market_of(block.parent_hash)
        if parent is None:
            return None

        found = deployment.adapter.offers.offers(plan.position, parent)
        offers = [offer for offer in found if isinstance(offer, Offer)]
        logs = await self._chain.logs([_EVERYTHING], block.number, block)
        for tx_hash, told in groupby(logs, key=lambda log: log.tx_hash):
            own = list(told)
            if not self._is_ours(own) and any(_took(deployment, offer, own) for offer in offers):
                return await self._winner(plan, block, tx_hash)

        return None

    def _is_ours(self, logs: Sequence[Log]) -> bool:
        return any(log.address == self._executor for log in logs)

    async def _winner(self, plan: PlanRecord, block: BlockHead, tx_hash: bytes) -> Winner | None:
        receipt = await self._chain.receipt(tx_hash)
        if receipt is None or receipt.block_hash != block.hash:
            return None

        tip = receipt.effective_gas_price_wei - block.base_fee_wei
        share = share_of_room(tip, plan, block.base_fee_wei)
        return Winner(plan.id, plan.deployment, tx_hash, block.number, block.hash, tip, share)


def _took(deployment: Deployment, offer: Offer, logs: Sequence[Log]) -> bool:
    return not isinstance(deployment.adapter.encoder.realised(offer, logs), Rejected)
