"""`keeper doctor`: everything that can be wrong before a run, one line each, with what to do about it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from keeper.cli.options import config_option, example, load, output_options

if TYPE_CHECKING:
    from keeper.app.doctor import Finding
    from keeper.config.model import KeeperConfig

_STYLES: Final = {"pass": "green", "warn": "yellow", "fail": "red"}
UNFIT: Final = 10


@click.command("doctor", epilog=example("keeper doctor --live", "keeper doctor --json | jq .level"))
@config_option
@click.option("--live", is_flag=True, help="Ask for what a live run needs as well: key, executor, allow-list.")
@output_options
def command(config_path: Path, *, live: bool, as_json: bool, debug: bool) -> None:
    """Look at everything that can be wrong before a run: nodes, clock, prices, contracts, executor, key, disk.

    Changes nothing and opens no key. Exit 0 when nothing failed, 10 otherwise; warnings do not count.
    """
    import asyncio

    loaded = load(config_path, as_json=as_json, debug=debug)
    levels = asyncio.run(_tell(loaded.config, live=live, as_json=as_json))
    if not as_json:
        click.echo(f"{levels.count('pass')} passed, {levels.count('warn')} warnings, {levels.count('fail')} failed")

    if "fail" in levels:
        click.get_current_context().exit(UNFIT)


async def _tell(config: "KeeperConfig", *, live: bool, as_json: bool) -> list[str]:
    from keeper.app.doctor import examine

    levels = []
    async for finding in examine(config, live=live):
        levels.append(finding.level.value)
        click.echo(json.dumps(finding.row()) if as_json else _line(finding))

    return levels


def _line(finding: "Finding") -> str:
    from keeper.telemetry.sanitise import line_text

    mark = click.style(f"{finding.level.value:4}", fg=_STYLES[finding.level.value], bold=finding.level.value != "pass")
    hint = f"\n      {line_text(finding.hint)}" if finding.hint else ""
    return f"{mark}  {finding.check}: {line_text(finding.text)}{hint}"
