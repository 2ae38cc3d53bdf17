"""From the `[alerts]` and `[[channel]]` tables to an observer that tells people; what it opens ends with the run."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from queue import SimpleQueue
from typing import Final

import structlog

from keeper.alerting.alert import Severity
from keeper.alerting.channel import Channel, Message, apprise_sender
from keeper.alerting.desk import AlertDesk, Manners
from keeper.alerting.heartbeat import Heartbeat, fetch
from keeper.alerting.keeper_events import KeeperEvents
from keeper.alerting.margins import MarginWatch
from keeper.alerting.observer import Alerting
from keeper.alerting.secrets import heartbeat_url, read_url
from keeper.alerting.watchlist import Watchlist
from keeper.alerting.wording import Wording, harmless_labels
from keeper.app.warm import Book
from keeper.app.wiring import tokens_of_interest
from keeper.chain.live import LiveChain
from keeper.config.derived import margin_call_wad, watchlist_path
from keeper.config.model import KeeperConfig
from keeper.config.watch import ChannelConfig
from keeper.errors import ConfigError, KeeperError
from keeper.journal.store import Journal
from keeper.telemetry.labels import read_labels
from keeper.telemetry.table import Labels

_CLOSING_S: Final = 3.0
_LABELS_S: Final = 10.0

log = structlog.get_logger(__name__)


async def alerting(  # noqa: PLR0913  # what a run has, one by one: a value for it would only be unpacked here
    config: KeeperConfig, chain: LiveChain, journal: Journal, book: Book, stack: AsyncExitStack, *, live: bool
) -> Alerting:
    """Assemble the observer that tells people; `ConfigError` for a channel that cannot be used."""
    taken: SimpleQueue[Message] = SimpleQueue()
    channels = [open_channel(table, taken) for table in config.channels]
    now = int(time.time())
    settings = config.alerts
    manners = Manners(settings.max_per_hour, settings.repeat_after_s, settings.quiet_hours)
    desk = AlertDesk(journal.margins, journal.run, manners, (channels, taken), now)
    stack.callback(lambda: desk.tick(int(time.time())))  # last: what was taken while they closed
    for channel in channels:
        channel.start()
        stack.callback(channel.close, _CLOSING_S)

    standings = journal.margins.standings()
    margin_calls = {one.name: margin_call_wad(config, one.name) for one in book.deployments}
    return Alerting(
        deployments=book.deployments,
        margin_calls_wad=margin_calls,
        watch=MarginWatch(book.deployments, margin_calls, standings),
        watchlist=Watchlist(watchlist_path(config)),
        desk=desk,
        events=KeeperEvents(live=live, has_profited=desk.was_said_of("first_profit")),
        wording=Wording(harmless_labels(await _labels(config, chain, book))),
        clock=time.time,
        heartbeat=_heartbeat(config, stack),
        is_new=not standings,
    )


def open_channel(table: ChannelConfig, taken: "SimpleQueue[Message]") -> Channel:
    """Make a channel of its table; `ConfigError` where its URL is missing or none."""
    what = f"[[channel]] {table.name}"
    url = read_url(what, table.url_file, table.url_env)
    if url is None:
        raise ConfigError(f"{what}: needs a url_file or a url_env")

    return Channel(table.name, Severity(table.least), apprise_sender(url, table.name), taken)


async def send_test(config: KeeperConfig, text: str) -> Mapping[str, str]:
    """Send a test message through every channel and the heartbeat; by name, "" or what is wrong."""
    found: dict[str, str] = {}
    message = Message(Severity.CRITICAL, "keeper: test", text)
    for table in config.channels:
        try:
            channel = open_channel(table, SimpleQueue())
            sent = await asyncio.to_thread(channel.send_now, message)
        except KeeperError as error:
            found[table.name] = error.message
        else:
            found[table.name] = "" if sent else "the channel did not take it"

    url = heartbeat_url(config)
    if url is not None:
        found["heartbeat"] = "" if await fetch(url) else "nobody answered the heartbeat"

    return found


def _heartbeat(config: KeeperConfig, stack: AsyncExitStack) -> Heartbeat | None:
    url = heartbeat_url(config)
    if url is None:
        return None

    heartbeat = Heartbeat(url, config.alerts.heartbeat_every_s)
    beating = asyncio.get_running_loop().create_task(heartbeat.run(), name="heartbeat")
    stack.callback(beating.cancel)
    return heartbeat


async def _labels(config: KeeperConfig, chain: LiveChain, book: Book) -> Labels:
    """Ask once what tokens are called; a node that does not answer costs names, not alerts."""
    try:
        async with asyncio.timeout(_LABELS_S):
            return await chain.reads(read_labels(tokens_of_interest(config, book.deployments)), book.head)
    except (KeeperError, TimeoutError) as error:
        log.warning("symbols_unknown", error=str(error) or f"no answer within {_LABELS_S:.0f} s")
        return {}
