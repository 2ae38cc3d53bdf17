"""What is looked at as rows for people and programs: one shape for all protocols, whatever is known.

A row is a position, something that stands for sale or pays by itself, or what cannot be told and why.
"""

from dataclasses import dataclass

from keeper.planning.when import When
from keeper.protocols import TWINS
from keeper.types import (
    Declined,
    Health,
    HealthState,
    Offer,
    Position,
    PositionKey,
    TokenAmount,
    account_of,
    to_checksum,
)
from keeper.units import MAX_UINT256, USD, WAD


@dataclass(frozen=True, slots=True)
class PositionView:
    """One position as people and programs read it; values are US dollars times 10**18 in the protocol's own prices."""

    deployment: str
    adapter: str
    key: PositionKey
    health: Health
    state: HealthState
    position: Position

    def row(self) -> dict[str, object]:
        """Render for JSON; amounts are decimal text in base units, `distance_bps` how far health is above 1.

        `base_token` null says that the two values are US dollars times 10**18; else they are in base units of that
        token, because the protocol knows no other price.
        """
        health = self.health
        debt_free = health.factor_wad == MAX_UINT256
        in_token = health.base_token is not None
        return _row(self.deployment, self.adapter, self.key) | {
            "state": self.state.value,
            "health_wad": None if debt_free else str(health.factor_wad),
            "distance_bps": None if debt_free else (health.factor_wad - WAD) * 10_000 // WAD,
            "base_token": to_checksum(health.base_token) if health.base_token is not None else None,
            "collateral_value": _valued(health, health.collateral_base),
            "debt_value": _valued(health, health.debt_base),
            "collateral_usd": None if in_token else _valued(health, health.collateral_base),
            "debt_usd": None if in_token else _valued(health, health.debt_base),
            "collateral": _holdings(self.position.collateral),
            "debt": _holdings(self.position.debt),
            "note": self.position.note,
        }


@dataclass(frozen=True, slots=True)
class StandingView:
    """Something to be taken that is no position: an auction, stock for sale; and when it will be worth it.

    `position` is what is sold and what it is to raise. `when` is None where no block in sight clears the floor.
    """

    adapter: str
    offer: Offer
    position: Position
    when: When | None

    def row(self) -> dict[str, object]:
        """Render for JSON in the shape of a position: `state` is the kind of offer, and there is no health.

        `profitable_block` and `profitable_at` (unix s) name the first block whose plan clears the strategy's floor,
        with `net_usd` (times 10**18, after gas), if nothing moves but time.
        """
        when = self.when
        return _row(self.offer.deployment, self.adapter, self.offer.key) | {
            "state": self.offer.kind.value,
            "collateral": _holdings(self.position.collateral),
            "debt": _holdings(self.position.debt),
            "note": self.position.note,
            "profitable_block": None if when is None else when.block,
            "profitable_at": None if when is None else when.timestamp,
            "net_usd": None if when is None else str(when.net_usd),
        }


@dataclass(frozen=True, slots=True)
class UnknownView:
    """A position whose health cannot be told, or a whole deployment that is stopped, and why."""

    adapter: str
    declined: Declined

    @property
    def is_deployment(self) -> bool:
        """Whether nothing of the deployment can be told."""
        return self.declined.key is None

    def row(self) -> dict[str, object]:
        """Render for JSON in the shape of a position; what is not known is null."""
        declined = self.declined
        return _row(declined.deployment, self.adapter, declined.key) | {
            "state": "stopped" if self.is_deployment else "unknown",
            "reason": declined.reason.value,
            "numbers": {name: str(value) for name, value in declined.numbers.items()},
        }


def _row(deployment: str, adapter: str, key: PositionKey | None) -> dict[str, object]:
    """Every key a row has, in order; a reason is given where the rest is not known.

    `twin` says that the adapter was tested on a twin of its contracts alone.
    """
    return {
        "deployment": deployment,
        "adapter": adapter,
        "twin": adapter in TWINS,
        "position": None if key is None else "0x" + key.hex(),
        "account": None if key is None else to_checksum(account_of(key)),
        **dict.fromkeys(("state", "health_wad", "distance_bps", "base_token", "collateral_value", "debt_value")),
        **dict.fromkeys(("collateral_usd", "debt_usd", "collateral", "debt", "note", "reason", "numbers")),
        **dict.fromkeys(("profitable_block", "profitable_at", "net_usd")),
    }


def _holdings(amounts: tuple[TokenAmount, ...]) -> list[dict[str, str]]:
    return [{"token": to_checksum(token), "amount": str(amount)} for token, amount in amounts]


def _valued(health: Health, value: int) -> str:
    """Value in US dollars times 10**18, rounded down; in base units where the protocol counts in a token."""
    return str(value if health.base_token is not None else value * USD // health.base_unit)
