"""Margin calls as they are at the newest block: which positions, since when, what would make them fall, what cures."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from keeper.alerting.watchlist import read_watchlist
from keeper.app.prospect import Prospect, prospect_of
from keeper.app.rows import PositionView
from keeper.app.views import look_at, view_of
from keeper.config.derived import margin_call_wad, place_of, watchlist_path
from keeper.config.model import KeeperConfig
from keeper.deployment import Deployment
from keeper.errors import ConfigError, JournalError
from keeper.journal.margins import Place, Standing, standings_in
from keeper.journal.place import open_reader
from keeper.margin.cure import Patient
from keeper.margin.state import SEVERITY
from keeper.margin.suppose import Supposition, suppose
from keeper.protocols.base import Market
from keeper.types import Address, HealthState, PositionKey, account_of, to_checksum


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which positions are to be looked at: these accounts, or all below their margin call; and where cures aim.

    With suppositions, those that would be worse off, in the market as it would be.
    """

    accounts: Collection[Address] = ()
    watched: bool = False
    target_wad: int | None = None
    most: int = 40
    supposed: tuple[Supposition, ...] = ()


@dataclass(frozen=True, slots=True)
class MarginView:
    """One position in a margin call, or of an account that is watched."""

    position: PositionView
    prospect: Prospect
    since: Standing | None
    label: str | None
    before: HealthState

    def row(self) -> dict[str, object]:
        """Render for JSON; `since` is unix s of the chain, null where no run has seen it yet or it is healthy."""
        return self.position.row() | {
            "label": self.label,
            "state_before": self.before.value,
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
        supposed = _supposed(book.deployments, wanted.supposed)
        found: list[_Found] = []
        for deployment, market in supposed:
            threshold = margin_call_wad(config, deployment.name)
            for key in sorted(deployment.book.keys()):
                if accounts and account_of(key) not in accounts:
                    continue

                one = _looked(deployment, key, threshold, market)
                if one is not None and (_is_asked_for(one, wanted) or (accounts and not wanted.supposed)):
                    found.append(one)

        found.sort(key=lambda one: (one.view.health.factor_wad, one.view.key))
        views = []
        for one in found[: wanted.most]:
            threshold = margin_call_wad(config, one.view.deployment)
            patient = Patient(one.deployment.adapter, one.view.key, one.market)
            prospect = prospect_of(patient, threshold, book.pools.liquidity, wanted.target_wad)
            if prospect is not None:
                place = one.view.deployment, one.view.key
                label = watchlist.get(account_of(one.view.key))
                views.append(MarginView(one.view, prospect, since.get(place), label, one.before))

    return views, len(found)


@dataclass(frozen=True, slots=True)
class _Found:
    """A position in the market as it is, or would be, and the state it is in now."""

    view: PositionView
    before: HealthState
    deployment: Deployment
    market: Market


def _looked(deployment: Deployment, key: PositionKey, threshold_wad: int, market: Market) -> _Found | None:
    view = view_of(deployment, market, key, threshold_wad)
    if not isinstance(view, PositionView):
        return None

    before = view
    if deployment.market is not None and market is not deployment.market:
        now = view_of(deployment, deployment.market, key, threshold_wad)
        before = now if isinstance(now, PositionView) else view

    return _Found(view, before.state, deployment, market)


def _is_asked_for(one: _Found, wanted: Wanted) -> bool:
    if wanted.supposed:
        return SEVERITY[one.view.state] > SEVERITY[one.before]

    return one.view.state is not HealthState.HEALTHY


def _supposed(deployments: Sequence[Deployment], supposed: Sequence[Supposition]) -> list[tuple[Deployment, Market]]:
    """Every deployment with its market as it would be; `ConfigError` for what no deployment knows."""
    markets = {one.name: one.market for one in deployments if one.market is not None}
    for each in supposed:
        changed = {
            one.name: suppose(one.adapter, list(one.book.keys()), markets[one.name], each)
            for one in deployments
            if one.name in markets
        }
        if not any(market is not None for market in changed.values()):
            raise ConfigError(_unknown(each, deployments))

        markets |= {name: market for name, market in changed.items() if market is not None}

    return [(one, markets[one.name]) for one in deployments if one.name in markets]


def _unknown(supposed: Supposition, deployments: Sequence[Deployment]) -> str:
    names = sorted(
        {
            parameter.name
            for one in deployments
            if one.market is not None and one.adapter.cures is not None
            for parameter in one.adapter.cures.parameters(one.market)
        }
    )
    of = "" if supposed.token is None else f" of {to_checksum(supposed.token)}"
    return f"--if: no position hangs on {supposed.what}{of}\n  known: price, time, {', '.join(names)}"


def _since(config: KeeperConfig) -> Mapping[Place, Standing]:
    """Since when, as the live journal has it, or the dry run's where there is no other."""
    for live in (True, False):
        try:
            with open_reader(place_of(config), config.chain.id, live=live) as reader:
                return standings_in(reader)
        except JournalError:
            continue  # none yet, or an older keeper's: a look can do without

    return {}
