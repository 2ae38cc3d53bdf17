"""One run of the keeper, from warming up to the last block: `keeper run`."""

import asyncio
import math
from collections.abc import Callable
from contextlib import AsyncExitStack, aclosing
from typing import Final

import structlog

from keeper import __version__
from keeper.app.desk import build_desk
from keeper.app.executor import check_executor
from keeper.app.journal import keep, open_journal
from keeper.app.keys import check_signers, close_signers, open_signers, operators_of
from keeper.app.observing import Scene, observe
from keeper.app.planner import BlockPlanner
from keeper.app.reloading import Reloading
from keeper.app.standby import Opened, stand_by
from keeper.app.warm import Book, warm_up
from keeper.chain.heads import HeadFollower
from keeper.chain.live import ChainSettings, LiveChain, open_chain
from keeper.chain.port import HeadEvent, PinnedChain
from keeper.chain.recorder import FlightRecorder, RecordingChain
from keeper.config.derived import switch_path
from keeper.config.fingerprint import decisive_json
from keeper.config.model import KeeperConfig
from keeper.engine import Engine
from keeper.errors import ConfigError, KeeperError, SigningKeyError, StateError
from keeper.execution.desk import Desk
from keeper.execution.fenced import FencedSigner
from keeper.execution.switch import Switch
from keeper.heartbeat import DEAF_AFTER_S, heads_until, pause_signal, stop_signals
from keeper.journal.lock import KeyLock
from keeper.mind import Mind, Pace
from keeper.oracles.feeds import read_feed
from keeper.self_audit import Auditor
from keeper.types import Reason, to_checksum
from keeper.warmup import save_book

WIND_DOWN_BLOCKS: Final = 6
"""Blocks a run that was told to stop follows what is in flight: the three of a plan, and as many for its cancel."""

log = structlog.get_logger(__name__)


async def run(  # noqa: PLR0913  # one parameter per option of the verb
    config: KeeperConfig,
    *,
    live: bool,
    until_idle: int | None,
    json: bool,
    init_journal: bool = False,
    standby: bool = False,
    reread: Callable[[], KeeperConfig] | None = None,
) -> int:
    """Run until told to stop, or idle for `until_idle` blocks; returns the exit code.

    `live` false is a dry run: everything but signing. `init_journal` starts the books of keys that were used before;
    `standby` waits for another keeper with the same journal to be gone. `reread` reads the configuration anew, for a
    reload; without it there is none.
    """
    try:
        async with asyncio.TaskGroup() as group, AsyncExitStack() as stack:
            stop = stack.enter_context(stop_signals())
            stack.enter_context(pause_signal(Switch(switch_path(config))))
            signers = open_signers(config) if live else ()
            stack.push_async_callback(close_signers, signers)
            standing_by = live and standby
            if live and not standing_by:
                _lock_keys(config, stack)

            await check_signers(signers)
            chain = await open_chain_of(config)
            stack.push_async_callback(chain.close)
            await check_executor(config, chain, live=live)
            await check_native_feed(config, chain)
            opened: Opened | None = None if standing_by else Opened(open_journal(config, live=live))
            if opened is None:
                opened = await stand_by(config, chain, stop, as_json=json)

            if opened is None:
                return 0

            journal = stack.enter_context(opened.journal)
            if standing_by:
                _lock_keys(config, stack)

            if config.run.postgres is not None:
                keeping = group.create_task(keep(journal, config.run.lease_s), name="lease")
                stack.callback(keeping.cancel)

            signers = tuple(FencedSigner(signer, journal) for signer in signers)
            book = opened.book or await warm_up(config, chain, journal.state, as_json=json)
            recording = _recording(config, chain, stack)
            desk = build_desk(config, chain, journal, book, signers)
            await desk.arm(adopt=init_journal)
            observers = await observe(Scene(config, chain, journal, book, live), stack)
            mind = await _mind(config, (chain, recording), book)
            if reread is not None:
                reloading = Reloading(config, reread, mind, desk)
                stack.enter_context(reloading.on_signal())
                observers = (*observers, reloading)

            engine = Engine(mind, desk, journal, recording, observers)

            follower = chain.follow_heads(book.head)
            following = group.create_task(follower.run(), name="heads")
            await _work((engine, desk), follower, stop, until_idle)
            following.cancel()
            if engine.true_at is not None:
                save_book(journal.state, book.sources, engine.true_at)

            if desk.killed is not None:
                raise SigningKeyError(desk.killed)

    except* KeeperError as errors:
        raise _first(errors) from None

    log.info("run_ended", live=live)
    return 0


async def _work(
    halves: tuple[Engine, Desk], follower: HeadFollower, stop: asyncio.Event, until_idle: int | None
) -> None:
    """Take heads until told to stop, killed, or idle for long enough; then see to what is in flight."""
    engine, desk = halves
    enough = math.inf if until_idle is None else until_idle
    async with aclosing(heads_until(follower, stop, None if until_idle is None else DEAF_AFTER_S)) as heads:
        await engine.run(heads, lambda idle: desk.killed is not None or idle >= enough, lambda: follower.newest_number)

    if stop.is_set() and desk.killed is None:
        async with aclosing(heads_until(follower, asyncio.Event(), DEAF_AFTER_S)) as heads:
            await engine.wind_down(heads, WIND_DOWN_BLOCKS)


async def _mind(config: KeeperConfig, chains: tuple[LiveChain, RecordingChain | None], book: Book) -> Mind:
    """Assemble the deciding half around a warm book, its starting state on record."""
    chain, recording = chains
    pinned: PinnedChain = chain if recording is None else recording
    pace = Pace(config.chain.block_time_s)
    if recording is not None:
        await _record_start(recording, book, pace)

    auditor = Auditor(config.run.audit_every_blocks)
    return Mind(pinned, book.deployments, book.pools, BlockPlanner.of(config), pace, auditor)


def _first(errors: BaseExceptionGroup[KeeperError]) -> KeeperError:
    """The error a person should read: the one that ended the run."""
    first = errors.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


async def open_chain_of(config: KeeperConfig) -> LiveChain:
    """Connect to the configured endpoints; `ConfigError` for another chain, `RpcError` where none answers."""
    chain = config.chain
    settings = ChainSettings(chain.id, chain.rpc, chain.multicall3, chain.block_time_s, genesis=chain.genesis)
    return await open_chain(settings)


def _lock_keys(config: KeeperConfig, stack: AsyncExitStack) -> None:
    """Keep every other keeper on this machine off our keys."""
    for operator in operators_of(config):
        stack.callback(KeyLock(config.chain.id, operator).release)


async def check_native_feed(config: KeeperConfig, chain: LiveChain) -> None:
    """Refuse a `native_usd` that is no price feed, naming the setting; an old price may become a new one."""
    head = await chain.latest()
    feed = config.chain.native_usd
    if head is None or await chain.reads(read_feed(feed, 0), head) is not Reason.UNKNOWN_PRICE:
        return

    raise ConfigError(
        f"{to_checksum(feed)} gives no price",
        setting=("chain", "native_usd"),
        hint="it must be a feed of the native token in US dollars, on this chain (decimals, latestRoundData)",
    )


def _recording(config: KeeperConfig, chain: LiveChain, stack: AsyncExitStack) -> RecordingChain | None:
    if config.run.recording is None:
        return None

    recorder = FlightRecorder(
        config.run.recording, keeper=__version__, chain_id=config.chain.id, config=decisive_json(config)
    )
    return RecordingChain(chain, stack.enter_context(recorder))


async def _record_start(recording: RecordingChain, book: Book, pace: Pace) -> None:
    """Write down the state the run starts from, and what a replay must be told to take it up."""
    sound = [source for source in book.sources if source.is_sound]
    event = HeadEvent(book.head, book.head.number + 1, None, 0)
    recording.begin(event, {source.name: source.all_rows() for source in sound})
    try:
        for source in sound:
            await recording.reads(source.bootstrap(book.head), book.head)

        for deployment in book.deployments:
            error = None if deployment.stopped is None else StateError(deployment.stopped)
            await deployment.advance(recording, book.head, pace.target(book.head), error)

        await book.pools.freeze(recording, book.head)
    finally:
        recording.end([])
