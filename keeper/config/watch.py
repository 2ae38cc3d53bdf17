"""The `[watch]`, `[alerts]` and `[[channel]]` tables: which positions are watched, and who is told what, when.

A channel's URL holds its credential, so the configuration only says where the URL is; it is never written here.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BeforeValidator, Field, PlainSerializer, StrictInt, StringConstraints, WithJsonSchema

from keeper.config.adapters import Section
from keeper.config.values import ConfigPath, MarginCallWad, Name
from keeper.margin.state import DEFAULT_MARGIN_CALL_WAD

_HOURS: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d) *- *([01]\d|2[0-3]):([0-5]\d)")
_EXPECTED: Final = 'two times of day in UTC between quotes, such as "22:00-07:00"'


@dataclass(frozen=True, slots=True)
class Hours:
    """A part of every day, in minutes after midnight UTC; one that ends before it begins goes over midnight."""

    begin: int
    end: int

    def hold(self, minute: int) -> bool:
        """Tell whether a minute of the day is inside."""
        if self.begin <= self.end:
            return self.begin <= minute < self.end

        return minute >= self.begin or minute < self.end

    def __str__(self) -> str:
        """Render as it would be written in the configuration."""
        return "-".join(f"{each // 60:02d}:{each % 60:02d}" for each in (self.begin, self.end))


def parse_hours(value: object) -> Hours:
    """Read `"22:00-07:00"`; `ValueError` for anything else, or for no time at all."""
    if isinstance(value, Hours):
        return value

    match = _HOURS.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"expected {_EXPECTED}")

    first, second, third, fourth = (int(part) for part in match.groups())
    hours = Hours(first * 60 + second, third * 60 + fourth)
    if hours.begin == hours.end:
        raise ValueError(f"begins when it ends: expected {_EXPECTED}")

    return hours


HoursText: TypeAlias = Annotated[
    Hours,
    BeforeValidator(parse_hours),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "format": "hours", "pattern": r"^\d\d:\d\d *- *\d\d:\d\d$"}),
]
Variable: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]


class WatchConfig(Section):
    """`[watch]`: positions that are watched without being worked on; with it a run needs no strategy."""

    margin_call_health_wad: Annotated[MarginCallWad, Field(alias="margin_call_health")] = DEFAULT_MARGIN_CALL_WAD
    """Health below which a position is watched where neither its deployment nor a strategy says: "1.05" is 5 % above
    liquidation, a usual warning distance."""
    watchlist: ConfigPath | None = None
    """File of the accounts that `keeper watchlist` follows; beside the journal when left out."""


class AlertsConfig(Section):
    """`[alerts]`: how often people are told; where to is in `[[channel]]`."""

    quiet_hours: HoursText | None = None
    """Times of day, in UTC, in which warnings wait and come as one message after; what is critical never waits."""
    max_per_hour: Annotated[StrictInt, Field(ge=1, le=1_000)] = 20
    """Messages of each severity in an hour; what is more comes as one summary. 20 can be read."""
    repeat_after_s: Annotated[StrictInt, Field(ge=60, le=30 * 86_400)] = 21_600
    """Seconds in which the same thing is not said again; six hours, so that what lasts is not forgotten either."""
    heartbeat_url_file: ConfigPath | None = None
    """File with a URL that is fetched while blocks are processed, for a monitor that alarms when it falls silent."""
    heartbeat_url_env: Variable | None = None
    """Instead of a file: the environment variable that holds the URL."""
    heartbeat_every_s: Annotated[StrictInt, Field(ge=10, le=86_400)] = 60
    """Seconds between two heartbeats; a minute is what outside monitors expect."""


class ChannelConfig(Section):
    """`[[channel]]`: one place alerts go to, named by a URL as apprise understands it (tgram, discord, mailto...)."""

    name: Name
    """Yours to choose; logs name a channel by it, never by its URL."""
    url_file: ConfigPath | None = None
    """File with the URL on its first line, readable by you alone."""
    url_env: Variable | None = None
    """Instead of a file: the environment variable that holds the URL."""
    least: Literal["warning", "critical"] = "warning"
    """The least severity this channel gets; "critical" for the one that wakes somebody."""
