"""What `pause`, `resume` and `kill` share: the operator's word, put where every process of this configuration looks."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keeper.cli.options import load

if TYPE_CHECKING:
    from keeper.execution.switch import Order


def say(  # noqa: PLR0913  # what the verbs are given
    order: "Order", config_path: Path, why: str, *, minutes: int | None = None, as_json: bool, debug: bool
) -> None:
    """Write the word into the switch file and say where; a keeper heeds it at its next block or signature."""
    import time

    from keeper.config.derived import switch_path
    from keeper.execution.switch import Switch

    config = load(config_path, as_json=as_json, debug=debug).config
    now = time.time_ns()
    until = None if minutes is None else now // 10**9 + 60 * minutes
    path = switch_path(config)
    Switch(path).write(order, why, at=now, until=until)
    if as_json:
        click.echo(json.dumps({"order": order.value, "reason": why, "until": until, "switch_file": str(path)}))
        return

    click.echo(f"{order.value}: written to {path}, heeded at the next block")
