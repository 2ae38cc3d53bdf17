"""Margin calls as they are at the newest block: which positions, since when, what would make them fall, what cures."""

from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from keeper.alerting.watchlist import read_watchlist
from keeper.app.prospect import Prospect, prospect_of
from keeper.app.rows import PositionView
from keeper.app.views import look_at, view_of
from keeper.config.derived import margin_call_wad, place_of, watchlist_path
from keeper.config.model import KeeperConfig
from keeper.deployment import Deployment
from keeper.errors import JournalError
from keeper.journal.margins import Place, Standing, standings_in
from keeper.journal.place import open_reader
from keeper.margin.cure import Patient
from keeper.protocols.base import Market
from keeper.types import Address, HealthState, account_of


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which positions are to be looked at: these accounts, or all below their margin call; and where cures aim."""

    accounts: Collection[Address] = ()
    watched: bool = False
    target_wad: int | None = None
    most: int = 40


@dataclass(frozen=True, slots=True)
class MarginView:
    """One position in a margin call, or of an account that is watched."""

    position: PositionView
    prospect: Prospect
    since: Standing | None
    label: str | None

    def row(self) -> dict[str, object]:
        """Render for JSON; `since` is unix s of the chain, null where no run has seen it yet or it is healthy."""
        return self.position.row() | {
            "label": self.label,
            "since_block": None if self.since is None else self.since.since_block,
            "since": None if self.since is None else self.since.since,
            **self.prospect.row(),
        }


async def margins(config: KeeperConfig, wanted: Wanted, *, as_json: bool) -> tuple[list[MarginView], int]:
    """Positions in a margin call or worse, or those of the accounts asked for, the nearest first; how many there are.

    Only as many as wanted are worked out: each takes a hundred exact decisions.
    """
    watchlist = read_watchlist(watchlist_path(config))
    accounts = {*wanted.accounts, *(watchlist if wanted.watched else ())}
    since = _since(config)
    async with AsyncExitStack() as stack:
        _, book = await look_at(config, stack, as_json=as_json)
        found: list[tuple[PositionView, Deployment, Market]] = []
        for deployment in book.deployments:
            market, threshold = deployment.market, margin_call_wad(config, deployment.name)
            for key in sorted(deployment.book.keys()) if market is not None else ():
                if market is None or (accounts and account_of(key) not in accounts):
                    continue

                view = view_of(deployment, market, key, threshold)
                if isinstance(view, PositionView) and (accounts or view.state is not HealthState.HEALTHY):
                    found.append((view, deployment, market))

        found.sort(key=lambda one: (one[0].health.factor_wad, one[0].key))
        views = []
        for view, deployment, market in found[: wanted.most]:
            threshold = margin_call_wad(config, deployment.name)
            prospect = prospect_of(
                Patient(deployment.adapter, view.key, market), threshold, book.pools.liquidity, wanted.target_wad
            )
            if prospect is not None:
                label = watchlist.get(account_of(view.key))
                views.append(MarginView(view, prospect, since.get((view.deployment, view.key)), label))

    return views, len(found)


def _since(config: KeeperConfig) -> Mapping[Place, Standing]:
    """Since when, as the live journal has it, or the dry run's where there is no other."""
    for live in (True, False):
        try:
            with open_reader(place_of(config), config.chain.id, live=live) as reader:
                return standings_in(reader)
        except JournalError:
            continue  # none yet, or an older keeper's: a look can do without

    return {}
