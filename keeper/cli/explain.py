"""`keeper explain`: the whole reasoning about one account's positions, at the newest block."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keeper.cli.labels import labels_for, tokens_in
from keeper.cli.options import address, config_option, example, load, output_options

if TYPE_CHECKING:
    from keeper.app.views import Explanation
    from keeper.config.model import KeeperConfig
    from keeper.planning.reasoning import Tried
    from keeper.telemetry.table import Labels
    from keeper.types import Address, Declined, Offer


@click.command("explain", epilog=example("keeper explain 0x1111111111111111111111111111111111111111"))
@click.argument("account", callback=address)
@click.option("--block", type=click.IntRange(min=0), help="Explain this block; the node must still know its state.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw profit against size to this page.")
@config_option
@output_options
def command(  # noqa: PLR0913  # one per option
    account: "Address", config_path: Path, *, block: int | None, plot: Path | None, as_json: bool, debug: bool
) -> None:
    """Say why ACCOUNT is, or is not, liquidated at this block.

    For each position: health, what could be seized, everything tried with its profit, what was planned, and every no
    with the numbers that decided.
    """
    import asyncio

    loaded = load(config_path, as_json=as_json, debug=debug)
    from keeper import app

    explanations = asyncio.run(app.explain(loaded.config, account, as_json=as_json, block=block))
    if plot is not None:
        _draw(plot, account, explanations, loaded.config)

    if as_json:
        for found in explanations:
            click.echo(json.dumps(_row(found)))

        return

    rows = [found.view.row() for found in explanations if found.view is not None]
    sold = {token for found in explanations for one in found.tried for token in one.tokens}
    labels = labels_for(loaded.config, tokens_in(rows) | sold)
    for found in explanations:
        _show(found, labels)


def _row(found: "Explanation") -> "dict[str, object]":
    looked = found.view or found.unknown
    return {
        "block": found.block,
        "position": None if looked is None else looked.row(),
        "offers": [_offer(offer) for offer in found.offers],
        "tried": [_tried(one) for one in found.tried],
        "plans": [
            {
                "id": plan.id,
                "strategy": plan.opportunity.strategy,
                "size": str(plan.opportunity.size),
                "calls": [str(step.size) for step in plan.opportunity.calls],
                **_offer(plan.opportunity.offer),
                "expected_profit": str(plan.opportunity.profit.amount),
                "profit_token": _text(plan.opportunity.profit.token),
                "gas": plan.opportunity.gas,
                "net_usd": str(plan.opportunity.net_usd),
            }
            for plan in found.plans
        ],
        "declined": [_no(no) for no in found.declined],
        "margin": None if found.prospect is None else found.prospect.row(),
    }


def _draw(path: Path, account: "Address", explanations: "list[Explanation]", config: "KeeperConfig") -> None:
    """Write the page; a place that cannot be written to is a configuration error."""
    from keeper.cli.plot import page
    from keeper.errors import ConfigError

    profiles = [profile for found in explanations for profile in found.profiles]
    labels = labels_for(config, {token for profile in profiles for token in profile.tried.tokens})
    offers = dict.fromkeys(profile.offer for profile in profiles)
    drawings = [(_offer_text(offer, labels), [one for one in profiles if one.offer == offer]) for offer in offers]
    title = f"{_text(account)} at block {explanations[0].block}"
    try:
        path.write_text(page(title, drawings, labels), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--plot: {path} cannot be written: {error.strerror}") from error


def _tried(one: "Tried") -> "dict[str, object]":
    return {
        "strategy": one.strategy,
        **_offer(one.offer),
        "route": [_text(token) for token in one.tokens],
        "pools": [_text(pool) for pool in one.pools],
        "funding": one.funding,
        "calls": one.calls,
        "size": str(one.size),
        "repaid": str(one.repaid),
        "received": str(one.received),
        "sold_for": str(one.sold_for),
        "loan_fee": str(one.loan_fee),
        "profit": str(one.profit),
        "gas_cost": str(one.gas_cost),
        "net": str(one.net),
    }


def _tried_text(one: "Tried", labels: "Labels") -> str:
    from keeper.telemetry.table import symbol_of, token_text

    token = _text(one.offer.pay_token)
    route = " to ".join(symbol_of(_text(each), labels) for each in one.tokens)
    calls = "" if one.calls == 1 else f" in {one.calls} calls"
    return (
        f"repay {token_text(one.repaid, token, labels)}{calls}, sell {route}, paid by {one.funding}: "
        f"{token_text(one.profit, token, labels)} less gas {token_text(one.gas_cost, token, labels)}"
    )


def _offer(offer: "Offer") -> "dict[str, object]":
    return {
        "kind": offer.kind.value,
        "debt_token": _text(offer.pay_token),
        "collateral_token": _text(offer.receive_token),
        "sizes": [[str(low), str(high)] for low, high in offer.sizes],
    }


def _no(no: "Declined") -> "dict[str, object]":
    return {"reason": no.reason.value, "numbers": {name: str(value) for name, value in no.numbers.items()}}


def _text(address: "Address") -> str:
    from keeper.types import to_checksum

    return to_checksum(address)


def _show(found: "Explanation", labels: "Labels") -> None:
    from keeper.telemetry.margin import prospect_lines
    from keeper.telemetry.sanitise import line_text
    from keeper.telemetry.table import positions_table, print_tables, token_text

    looked = found.view or found.unknown
    if looked is not None:
        print_tables([positions_table([looked.row()], labels)], sys.stdout)

    lines = [f"at block {found.block}: {len(found.offers)} offers, {len(found.plans)} plans"]
    lines += [f"offer {_offer_text(offer, labels)}" for offer in found.offers]
    lines += [f"tried {_tried_text(one, labels)}" for one in found.tried]
    for plan in found.plans:
        chosen = plan.opportunity
        size = token_text(chosen.size, _text(chosen.offer.size_token), labels)
        profit = token_text(chosen.profit.amount, _text(chosen.profit.token), labels)
        before = "".join(
            f"{token_text(step.size, _text(step.offer.size_token), labels)}, then " for step in chosen.calls[:-1]
        )
        lines.append(f"plan  {chosen.offer.kind.value} {before}{size}, expecting {profit}")

    for no in found.declined:
        numbers = " ".join(f"{name}={value}" for name, value in no.numbers.items())
        lines.append(f"no    {no.reason.value} {numbers}")

    if found.prospect is not None:
        told = prospect_lines(found.prospect.outlook, found.prospect.through_pools, labels)
        lines += [f"margin {line}" for line in told]

    for line in lines:
        click.echo(line_text(line.rstrip()))


def _offer_text(offer: "Offer", labels: "Labels") -> str:
    from keeper.telemetry.table import symbol_of, token_text

    token = _text(offer.size_token)
    ends = [(token_text(low, token, labels), token_text(high, token, labels)) for low, high in offer.sizes]
    sizes = ", ".join(low if low == high else f"{low} to {high}" for low, high in ends)
    return (
        f"{offer.kind.value} {symbol_of(_text(offer.receive_token), labels)} "
        f"for {symbol_of(_text(offer.pay_token), labels)}: {sizes}"
    )
