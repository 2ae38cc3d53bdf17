"""Warming up: every deployment and venue of the configuration, true at one head."""

import hashlib
from dataclasses import dataclass
from typing import Final

import structlog

from keeper.app.wiring import CONVERSIONS, build_adapter, build_venue, tokens_of_interest
from keeper.chain.live import LiveChain
from keeper.config.model import KeeperConfig
from keeper.deployment import Deployment
from keeper.errors import ChainError, StateError
from keeper.mind import Pace
from keeper.pools import PoolBook
from keeper.telemetry.progress import Progress
from keeper.types import ZERO_ADDRESS, BlockHead
from keeper.warmup import DeploymentSource, Source, Store, VenueSource, WarmUp

BACKFILL_REQUESTS_PER_S: Final = 25
"""What a backfill may ask of a node that serves the live path at the same time."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Book:
    """All state of a run; true at `head` when it was made, and kept true by the engine."""

    deployments: tuple[Deployment, ...]
    pools: PoolBook
    sources: tuple[Source, ...]
    head: BlockHead


async def warm_up(
    config: KeeperConfig, chain: LiveChain, store: Store, *, as_json: bool, at: int | None = None
) -> Book:
    """Bring everything to the chain's head, or to block `at`; a deployment that cannot get there is stopped, alone."""
    head = await (chain.latest() if at is None else chain.header(at))
    if head is None and at is not None:
        raise ChainError(f"the node has no block {at}: name one it has, or leave --block out for the newest")

    if head is None:
        raise ChainError("the node has no block to start from: wait until it has synchronised")

    reader = chain.backfill_reader(BACKFILL_REQUESTS_PER_S)
    with Progress(as_json=as_json) as progress:
        warm = WarmUp(chain, reader, store, progress)
        lending = [await _bring_deployment(warm, source, head, config) for source in _deployments(config)]
        venues = await _venues(config, lending, chain, head)
        for venue in venues:
            await warm.bring(venue, head)

    pools = PoolBook(tuple(venue.venue for venue in venues))
    await pools.freeze(chain, head)
    deployments = tuple(source.deployment for source in lending)
    return Book(deployments, pools, (*lending, *venues), head)


def _deployments(config: KeeperConfig) -> list[DeploymentSource]:
    return [DeploymentSource(Deployment(build_adapter(each)), each.start_block) for each in config.deployments]


async def _venues(
    config: KeeperConfig, lending: list[DeploymentSource], chain: LiveChain, head: BlockHead
) -> list[VenueSource]:
    """Every venue; its saved state is named after the tokens too, since other tokens mean other pools.

    What a conversion gives must be sold as well, so those are asked for their tokens first.
    """
    tokens = set(tokens_of_interest(config, [source.deployment for source in lending]))
    for each in config.venues:
        if each.kind in CONVERSIONS:
            sync = build_venue(each, (), config.chain.wrapped_native)
            await chain.reads(sync.bootstrap(head), head)
            await chain.reads(sync.observe(head), head)
            tokens |= {token for pool in sync.pools() for token in pool.tokens if token != ZERO_ADDRESS}

    ordered = tuple(sorted(tokens))
    covered = hashlib.sha256(b"".join(ordered)).hexdigest()[:16]
    found: list[VenueSource] = []
    for each in config.venues:
        venue = build_venue(each, ordered, config.chain.wrapped_native)
        # A venue without logs has no history to read.
        start = each.start_block if venue.sources() else head.number + 1
        found.append(VenueSource(f"{each.name} {covered}", venue, start))

    return found


async def _bring_deployment(
    warm: WarmUp, source: DeploymentSource, head: BlockHead, config: KeeperConfig
) -> DeploymentSource:
    error: StateError | None = None
    try:
        await warm.bring(source, head)
    except StateError as fault:
        error = fault

    target = Pace(config.chain.block_time_s).target(head)
    await source.deployment.advance(warm.chain, head, target, error)
    if source.deployment.stopped is not None:
        log.error("deployment_stopped", deployment=source.name, why=source.deployment.stopped)

    return source
