"""Checks of who is told: each channel's URL, the heartbeat's, and the watchlist; nothing is sent."""

from collections.abc import Iterator
from queue import SimpleQueue

from keeper.alerting.secrets import heartbeat_url
from keeper.alerting.watchlist import read_watchlist
from keeper.app.alerting import open_channel
from keeper.app.doctor.finding import Finding, from_error, passed, warned
from keeper.config.derived import watchlist_path
from keeper.config.model import KeeperConfig
from keeper.errors import KeeperError


def check_alerts(config: KeeperConfig) -> Iterator[Finding]:
    """See whether anybody would be told."""
    for table in config.channels:
        check = f"channel {table.name}"
        try:
            open_channel(table, SimpleQueue())
        except KeeperError as error:
            yield from_error(check, error)
        else:
            yield passed(check, "its URL can be used; `keeper alerts test` sends something")

    try:
        beats = heartbeat_url(config) is not None
        accounts = len(read_watchlist(watchlist_path(config)))
    except KeeperError as error:
        yield from_error("alerts", error)
        return

    followed = f"{accounts:,} {'account' if accounts == 1 else 'accounts'} followed"
    if not config.channels:
        yield warned("alerts", f"{followed}, nobody is told", "name a [[channel]]; see docs/margin-calls.md")
    elif not beats:
        hint = "set [alerts] heartbeat_url_file: no alert can tell that this machine is gone"
        yield warned("alerts", f"{followed}, no heartbeat", hint)
    else:
        yield passed("alerts", f"{followed}, with a heartbeat")
