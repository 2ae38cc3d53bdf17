"""When a standing offer will be worth taking, if nothing moves but time: a search over the market at later blocks.

An auction's price only falls until it is started anew, so that what is worth taking once stays so until then. Pools,
prices and gas are taken as they are now: every block answers anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from keeper.planning.appraise import appraise
from keeper.planning.base import Opportunity
from keeper.planning.board import Board
from keeper.planning.inputs import PlanningInput
from keeper.protocols.bounds import first_true, last_true
from keeper.types import BlockTarget, Offer


@dataclass(frozen=True, slots=True)
class When:
    """The first block whose plan clears the floor, and what it would earn there; `timestamp` in unix s.

    `net_usd` is US dollars times 10**18, after gas. `last` is the last block the offer stands at, as far as was looked.
    """

    block: int
    timestamp: int
    net_usd: int
    last: int


@dataclass(frozen=True, slots=True)
class Horizon:
    """How far to look ahead, in blocks, and how far apart those are."""

    blocks: int
    block_time_s: int


def first_profitable(offer: Offer, inputs: PlanningInput, horizon: Horizon) -> When | None:
    """Find the first block in which an offer that stands now clears a strategy's floor; None for none in sight."""
    subject = (offer.deployment, offer.key)

    def is_standing(blocks: int) -> bool:
        return bool(_alike(offer, _later(offer, inputs, blocks, horizon.block_time_s)))

    def opportunity(blocks: int) -> Opportunity | None:
        later = _later(offer, inputs, blocks, horizon.block_time_s)
        verdict = appraise(subject, _alike(offer, later), Board.of(later), later)
        return verdict[0] if isinstance(verdict, tuple) else None

    last = last_true(0, horizon.blocks, is_standing)
    first = first_true(0, last, lambda blocks: opportunity(blocks) is not None)
    found = opportunity(first) if first <= last else None
    if found is None:
        return None

    target = _target(inputs.target, first, horizon.block_time_s)
    return When(target.number, target.timestamp, found.net_usd, inputs.target.number + last)


def _alike(offer: Offer, inputs: PlanningInput) -> Sequence[Offer]:
    """What is on offer then of the same kind under the same key."""
    found = Board.of(inputs).offers(offer.deployment, offer.key)
    return [one for one in found if (one.kind, one.receive_token) == (offer.kind, offer.receive_token)]


def _later(offer: Offer, inputs: PlanningInput, blocks: int, block_time_s: int) -> PlanningInput:
    """The same block, so many blocks later for the offer's deployment."""
    target = _target(inputs.target, blocks, block_time_s)
    views = tuple(
        replace(view, market=view.market.at(target)) if view.adapter.name == offer.deployment else view
        for view in inputs.views
    )
    return replace(inputs, target=target, views=views)


def _target(now: BlockTarget, blocks: int, block_time_s: int) -> BlockTarget:
    later_s = blocks * block_time_s
    return replace(
        now, number=now.number + blocks, timestamp=now.timestamp + later_s, expires_at=now.expires_at + later_s
    )
