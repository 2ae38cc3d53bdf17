"""The live terminal dashboard: panels redrawn from the journal once a second, wide or narrow; it takes no orders.

Whatever fails while looking (no journal yet, a locked database, a monitor that does not answer) is said in the
heading, and the next look tries again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

from rich.console import RenderableType
from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Grid, VerticalScroll
from textual.widgets import Footer, Static

from keeper.errors import KeeperError
from keeper.telemetry.sanitise import line_text
from keeper.telemetry.table import Labels, TokenLabel
from keeper.types import Address, parse_address
from keeper.watching import panels
from keeper.watching.glance import Glance

EVERY_S: Final = 1.0
_TOKENS: Final = ("debt_token", "collateral_token", "profit_token")
Endpoints: TypeAlias = Mapping[str, tuple[bool, int]]


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a dashboard looks: `look` blocks for some milliseconds; `label` and `nodes` ask others and may take long.

    `nodes` is None where the keeper has no page for monitors.
    """

    look: Callable[[], Glance]
    label: Callable[[frozenset[Address]], Awaitable[Labels]]
    nodes: Callable[[], Awaitable[Endpoints]] | None


class Dashboard(App[None]):
    """Everything at one look; ends with q."""

    TITLE = "keeper"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("q", "quit", "Quit"),
        ("p", "freeze", "Freeze"),
        ("s", "screenshot", "Screenshot"),
    ]
    HORIZONTAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 # textual declares it so
    CSS = """
    #heading { height: 1; padding: 0 1; }
    Grid { grid-gutter: 0 1; height: auto; }
    .-wide Grid { grid-size: 3; grid-columns: 1fr 1fr 1fr; }
    .-narrow Grid { grid-size: 1; }
    Grid { grid-rows: auto; }
    Static.panel { border: round $primary-muted; border-title-color: $text-muted; padding: 0 1; height: auto;
                   max-height: 14; overflow: hidden; }
    """

    def __init__(self, sources: Sources) -> None:
        """Draw nothing yet."""
        super().__init__()
        self._sources = sources
        self._labels: dict[str, TokenLabel] = {}
        self._asked: set[Address] = set()
        self._block: object = None
        self._changed_at = time.monotonic()
        self._frozen = False

    def compose(self) -> ComposeResult:
        """Lay out the panels, small ones side by side, tables over the whole width."""
        yield Static(id="heading")
        with VerticalScroll():
            with Grid():
                yield _panel("heads")
                yield _panel("money")
                yield _panel("endpoints")

            yield _panel("margin calls")
            yield _panel("plans")
            yield _panel("declined")
            yield _panel("in flight")

        yield Footer()

    def on_mount(self) -> None:
        """Look now, then every second."""
        self.refresh_panels()
        self.set_interval(EVERY_S, self.refresh_panels)
        if self._sources.nodes is not None:
            self.set_interval(5 * EVERY_S, self.refresh_endpoints)

        self.refresh_endpoints()

    def action_freeze(self) -> None:
        """Hold the picture still, or let it go on."""
        self._frozen = not self._frozen

    @work(exclusive=True, group="look")
    async def refresh_panels(self) -> None:
        """Take a look off the loop, and draw it."""
        if self._frozen:
            return

        try:
            seen = await asyncio.to_thread(self._sources.look)
        except KeeperError as error:
            self.query_one("#heading", Static).update(Text(f" {line_text(error.message)}", style="bold yellow"))
            return

        if seen.line.get("block") != self._block:
            self._block, self._changed_at = seen.line.get("block"), time.monotonic()

        self.draw(seen, time.monotonic() - self._changed_at)
        self._learn_labels(seen)

    @work(exclusive=True, group="endpoints")
    async def refresh_endpoints(self) -> None:
        """Ask the keeper's own page how its nodes do."""
        told: Endpoints | None = None
        if self._sources.nodes is not None:
            try:
                told = await self._sources.nodes()
            except KeeperError as error:
                self._show("endpoints", Text(line_text(error.message), style="yellow"))
                return

        self._show("endpoints", panels.endpoints(told))

    def draw(self, seen: Glance, age_s: float) -> None:
        """Put a glance on the panels."""
        self.query_one("#heading", Static).update(panels.heading(seen, age_s))
        self._show("heads", panels.heads(seen))
        self._show("money", panels.money(seen))
        counts = ", ".join(f"{number:,} {state}" for state, number in sorted(seen.margin_counts.items()))
        self._show("margin calls", panels.margin_calls(seen), counts)
        self._show("plans", panels.plans(seen, self._labels))
        self._show("declined", panels.declined(seen))
        self._show("in flight", panels.in_flight(seen))

    def _show(self, name: str, content: RenderableType, note: str = "") -> None:
        panel = self.query_one(f"#{name.replace(' ', '-')}", Static)
        panel.border_title = f"{name}: {note}" if note else name
        panel.update(content)

    def _learn_labels(self, seen: Glance) -> None:
        tokens = {parse_address(str(row[key])) for row in seen.plans for key in _TOKENS if row.get(key)}
        fresh = frozenset(tokens - self._asked)
        if fresh:
            self._asked |= fresh
            self._fetch_labels(fresh)

    @work(group="labels")
    async def _fetch_labels(self, tokens: frozenset[Address]) -> None:
        self._labels.update(await self._sources.label(tokens))


def _panel(name: str) -> Static:
    panel = Static(id=name.replace(" ", "-"), classes="panel")
    panel.border_title = name
    return panel
