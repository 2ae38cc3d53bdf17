"""Margin calls in words: triggers, cures and limits of one position, on one line each, for tables and for alerts.

Amounts to move are spelled out exactly, because one unit less does not do; prices and percentages are for reading.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from keeper.margin.cure import Cure
from keeper.margin.deleverage import Deleverage
from keeper.margin.outlook import Outlook
from keeper.margin.triggers import Limit, Trigger
from keeper.telemetry.table import Labels, amount_text, health_text, symbol_of, token_text
from keeper.types import Address, to_checksum
from keeper.units import WAD


def exact_text(amount: int, token: Address, labels: Labels) -> str:
    """Render an amount to the last unit; base units where the token's scale is not known."""
    text = to_checksum(token)
    label = labels.get(text)
    if label is None or label.decimals is None:
        return f"{amount:,} units of {symbol_of(text, labels)}"

    digits = f"{amount:0{label.decimals + 1}d}"
    whole, rest = digits[: len(digits) - label.decimals], digits[len(digits) - label.decimals :].rstrip("0")
    return f"{int(whole):,}{'.' if rest else ''}{rest} {symbol_of(text, labels)}"


def cure_text(cure: Cure, labels: Labels) -> str:
    """Say what to move, and where that brings the health."""
    return f"{cure.lever.action.value} {exact_text(cure.amount, cure.lever.token, labels)}"


def deleverage_text(found: Deleverage, labels: Labels) -> str:
    """Say what to sell for what."""
    sold, bought = to_checksum(found.sold_token), to_checksum(found.bought_token)
    return f"sell {token_text(found.sold, sold, labels)} for {token_text(found.bought, bought, labels)} and repay"


def trigger_text(trigger: Trigger, labels: Labels) -> str:
    """Say at which price of what it falls, and how far that is."""
    exposure = trigger.exposure
    name = symbol_of(to_checksum(exposure.token), labels)
    move = f"{'+' if trigger.move_bps > 0 else ''}{trigger.move_bps / 100:.2f} %"
    word = "below" if trigger.price < exposure.price else "above"
    if exposure.unit == 0:
        return f"{name} {word} its price by {move}"

    quote = "USD" if exposure.quote is None else symbol_of(to_checksum(exposure.quote), labels)
    price = amount_text(trigger.price * WAD // exposure.unit, 18)  # down: for reading
    return f"{name} {word} {price} {quote} ({move})"


def limit_text(limit: Limit, labels: Labels) -> str:
    """Say which value of a parameter would make it fall."""
    of = "" if limit.parameter.token is None else f" of {symbol_of(to_checksum(limit.parameter.token), labels)}"
    return f"{limit.parameter.name}{of} at {limit.value:,}, {limit.now:,} now"


def falls_text(falls_at: int) -> str:
    """Say when interest alone makes it fall."""
    return f"interest alone by {datetime.fromtimestamp(falls_at, UTC):%Y-%m-%d %H:%M} UTC"


def outlook_lines(outlook: Outlook, labels: Labels) -> list[str]:
    """Everything there is to say, the most urgent first."""
    lines = [f"health {health_text(outlook.health.factor_wad)}"]
    falls = [trigger_text(trigger, labels) for trigger in outlook.triggers]
    if outlook.falls_at is not None and not outlook.health.liquidatable:
        falls.append(falls_text(outlook.falls_at))

    if falls:
        lines.append("falls at: " + "; ".join(falls))

    if outlook.limits:
        lines.append("falls if governance puts: " + "; ".join(limit_text(limit, labels) for limit in outlook.limits))

    if outlook.cures:
        cures = [cure_text(cure, labels) for cure in outlook.cures]
        lines.append(f"cure to {health_text(outlook.target_wad)}: " + "; or ".join(cures))

    return lines


def prospect_lines(outlook: Outlook, through_pools: Sequence[Deleverage], labels: Labels) -> list[str]:
    """The same, and what the pools would take."""
    lines = outlook_lines(outlook, labels)
    if through_pools:
        sales = "; or ".join(deleverage_text(found, labels) for found in through_pools)
        lines.append(f"through the pools: {sales}")

    return lines
