"""`keeper status`: what holds the keeper back, and how far each limit is used, read from the journal."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keeper.cli.journals import dry_run_option, open_to_read
from keeper.cli.options import config_option, example, load, output_options

if TYPE_CHECKING:
    from keeper.config.model import KeeperConfig


@click.command("status", epilog=example("keeper status", "keeper status --json | jq .holds"))
@config_option
@dry_run_option
@output_options
def command(config_path: Path, *, dry_run: bool, as_json: bool, debug: bool) -> None:
    """Show what holds the keeper back, since and until when, and how far each limit is used.

    Reads the journal and the switch file, also while the keeper runs; nothing is asked of a node.
    """
    facts = _facts(load(config_path, as_json=as_json, debug=debug).config, dry_run=dry_run)
    if as_json:
        click.echo(json.dumps(facts))
        return

    _show(facts)


def _facts(config: "KeeperConfig", *, dry_run: bool) -> dict[str, Any]:
    from keeper.config.derived import switch_path, thresholds
    from keeper.execution.switch import Switch
    from keeper.execution.thresholds import MEMORY_S, standing
    from keeper.journal.holds import HoldView
    from keeper.journal.passes import chain_time

    limits = thresholds(config.governor)
    word = Switch(switch_path(config)).read()
    with open_to_read(config, dry_run=dry_run) as reader:
        ledger, now = HoldView(reader), chain_time(reader)
        used = standing(ledger.results(now - MEMORY_S), now, ledger.counted_from())
        return {
            "journal": reader.name,
            "holds": [
                {"cause": h.cause.value, "reason": h.reason, "since": h.since, "until": h.until}
                for h in ledger.active(now)
            ],
            "switch": None if word is None else {"order": word.order.value, "reason": word.reason, "until": word.until},
            "gas_spent_wei": str(used.gas_wei),
            "gas_in_flight_wei": str(ledger.worst_in_flight_wei()),
            "gas_budget_wei": str(limits.gas_budget_wei),
            "lost_usd": str(used.lost_usd),
            "max_loss_usd": str(limits.max_loss_usd),
            "drawdown_usd": str(used.drawdown_usd),
            "max_drawdown_usd": str(limits.max_drawdown_usd),
            "consecutive_reverts": used.reverts,
            "max_consecutive_reverts": limits.max_reverts,
        }


def _show(facts: dict[str, Any]) -> None:
    from datetime import UTC, datetime

    from keeper.config.values import ratio_text
    from keeper.execution.thresholds import dollars
    from keeper.telemetry.sanitise import line_text

    def when(at: int | None) -> str:
        return "until lifted" if at is None else f"until {datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"

    for hold in facts["holds"]:
        click.echo(click.style(f"HELD  {line_text(hold['cause'])}: {line_text(hold['reason'])}, ", fg="red"), nl=False)
        click.echo(when(hold["until"]))

    if not facts["holds"]:
        click.echo("nothing holds it back")

    if facts["switch"] is not None:
        word = facts["switch"]
        click.echo(f"switch    {word['order']}: {line_text(word['reason'])}, {when(word['until'])}")

    spent, flying, budget = (int(facts[f"gas_{name}_wei"]) for name in ("spent", "in_flight", "budget"))
    click.echo(f"gas       {ratio_text(spent)} spent today, {ratio_text(flying)} in flight, of {ratio_text(budget)}")
    for name, key in (("loss", "lost_usd"), ("drawdown", "drawdown_usd")):
        limit = facts["max_loss_usd" if name == "loss" else "max_drawdown_usd"]
        click.echo(f"{name:<9} {dollars(int(facts[key]))} USD of {dollars(int(limit))}")

    click.echo(f"reverts   {facts['consecutive_reverts']} in a row of {facts['max_consecutive_reverts']}")
    click.echo(f"journal   {facts['journal']}")
