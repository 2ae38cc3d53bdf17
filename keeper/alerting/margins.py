"""Which positions changed their state in a block: screened in floats like everything, decided in integers.

Watched or not, every position below its margin call is followed; who is told of which is decided elsewhere.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from keeper.book.screen import below
from keeper.deployment import Deployment
from keeper.journal.margins import Place, Standing
from keeper.margin.state import state_of
from keeper.mind import Decision
from keeper.protocols.base import Market
from keeper.types import Address, BlockHead, Declined, Health, HealthState, PositionKey, account_of
from keeper.units import BPS, WAD, mul_div_up

MOST_DECIDED: Final = 2_000
"""Positions of a deployment decided exactly after one block beyond those that can be liquidated: a tenth of a second.
What is left over is decided after the next; watched accounts come first."""
_LEAVES_BPS: Final = 10_100
"""How far above its margin call a position must be before it counts as healthy again, so that none flickers."""


@dataclass(frozen=True, slots=True)
class Change:
    """A position's state was one thing and is another; `health` is None where the position is gone."""

    place: Place
    before: HealthState
    after: HealthState
    health: Health | None


class MarginWatch:
    """Where positions stand. Invariant: standings are those of the last changes handed out."""

    def __init__(
        self,
        deployments: Sequence[Deployment],
        margin_calls_wad: Mapping[str, int],
        standings: Mapping[Place, Standing],
    ) -> None:
        """`margin_calls_wad` by deployment; `standings` are what an earlier run left."""
        self._deployments = tuple(deployments)
        self._margin_calls_wad = margin_calls_wad
        self._standings: dict[str, dict[PositionKey, Standing]] = {one.name: {} for one in deployments}
        for (name, key), standing in standings.items():
            if name in self._standings:
                self._standings[name][key] = standing

    def standing(self, place: Place) -> Standing | None:
        """Where a position stands; None while it is healthy."""
        return self._standings.get(place[0], {}).get(place[1])

    def standings(self) -> Iterator[tuple[Place, Standing]]:
        """Where every position stands that is not healthy."""
        for name, found in self._standings.items():
            yield from (((name, key), standing) for key, standing in found.items())

    def health(self, place: Place) -> Health | None:
        """A position's health now; None where it cannot be told."""
        for deployment in self._deployments:
            if deployment.name == place[0] and deployment.market is not None:
                found = deployment.adapter.health.health(place[1], deployment.market)
                return None if isinstance(found, Declined) else found

        return None

    def look(self, decision: Decision, followed: Collection[Address]) -> list[Change]:
        """Compare every position near its margin call with where it stood; all markets are at the decision's head."""
        changes: list[Change] = []
        for deployment, findings in zip(self._deployments, decision.findings, strict=True):
            if deployment.market is not None:
                changes += self._changes(deployment, deployment.market, findings.liquidatable, followed)

        for change in changes:
            self._note(change, decision.head)

        return changes

    def _changes(
        self,
        deployment: Deployment,
        market: Market,
        liquidatable: Mapping[PositionKey, Health],
        followed: Collection[Address],
    ) -> Iterable[Change]:
        name, margin_call = deployment.name, self._margin_calls_wad[deployment.name]
        known = self._standings[name]
        decided: dict[PositionKey, Health] = dict(liquidatable)
        near = _near(deployment, market, margin_call)
        unknown = [
            key
            for key in near
            if key not in decided and (key not in known or known[key].state is not HealthState.MARGIN_CALL)
        ]
        unknown.sort(key=lambda key: account_of(key) not in followed)
        for key in unknown[:MOST_DECIDED]:
            health = deployment.adapter.health.health(key, market)
            if not isinstance(health, Declined):
                decided[key] = health

        for key, health in decided.items():
            before, after = _state(known.get(key)), state_of(health, margin_call)
            if before is not after:
                yield Change((name, key), before, after, health)

        for key in [key for key in known if key not in near and key not in decided]:
            found = deployment.adapter.health.health(key, market)
            stays = known[key].state is HealthState.MARGIN_CALL
            if isinstance(found, Declined) or (stays and found.factor_wad < mul_div_up(margin_call, _LEAVES_BPS, BPS)):
                continue

            yield Change((name, key), known[key].state, HealthState.HEALTHY, found if found.debt_base else None)

    def _note(self, change: Change, head: BlockHead) -> None:
        name, key = change.place
        if change.after is HealthState.HEALTHY:
            self._standings[name].pop(key, None)
        else:
            self._standings[name][key] = Standing(change.after, head.number, head.timestamp)


def _state(standing: Standing | None) -> HealthState:
    return HealthState.HEALTHY if standing is None else standing.state


def _near(deployment: Deployment, market: Market, margin_call_wad: int) -> dict[PositionKey, None]:
    """Positions that may be below the margin call, who owes most first; none that is below is missed."""
    width_bps = mul_div_up(margin_call_wad, BPS, WAD)
    found = dict.fromkeys(below(deployment.book, deployment.adapter.health.factors(market), width_bps))
    return found | dict.fromkeys(sorted(deployment.adapter.health.always_confirm(market)))
