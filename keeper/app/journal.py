"""The journal of a run: where it is kept, opened as its writer, and kept while the run goes on."""

import asyncio
import time
from contextlib import suppress

from keeper import __version__
from keeper.config.derived import place_of
from keeper.config.fingerprint import fingerprint
from keeper.config.model import KeeperConfig
from keeper.journal.database import LeaseHeldError
from keeper.journal.store import Journal, RunInfo


def open_journal(config: KeeperConfig, *, live: bool) -> Journal:
    """Become the writer of a mode's journal; `JournalError` where somebody else is."""
    names = {deployment.name: deployment.adapter for deployment in config.deployments}
    info = RunInfo(__version__, fingerprint(config), int(time.time()), names)
    return Journal(place_of(config), live=live, chain_id=config.chain.id, run=info)


async def open_when_free(config: KeeperConfig, stop: asyncio.Event) -> Journal | None:
    """Stand by until the live journal's writer is gone, and take its place; None where `stop` came first."""
    while not stop.is_set():
        try:
            return open_journal(config, live=True)
        except LeaseHeldError:
            with suppress(TimeoutError):
                async with asyncio.timeout(config.run.lease_s / 3):
                    await stop.wait()

    return None


async def keep(journal: Journal, lease_s: float) -> None:
    """Renew the lease for as long as the run lasts; `JournalError` ends it, and the run, where the lease is lost."""
    while True:
        await asyncio.sleep(lease_s / 3)
        await asyncio.to_thread(journal.renew)
