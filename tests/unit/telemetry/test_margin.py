"""Margin calls in words: amounts to the unit, prices to read, and names that can do no harm."""

import pytest

from keeper.margin.cure import Cure
from keeper.margin.outlook import Outlook
from keeper.margin.triggers import Limit, Trigger
from keeper.protocols.cures import Action, Exposure, Lever, Parameter
from keeper.telemetry.margin import cure_text, exact_text, falls_text, limit_text, outlook_lines, trigger_text
from keeper.telemetry.table import TokenLabel
from keeper.types import Address, Health, HealthState, PositionKey, to_checksum
from keeper.units import WAD

TOKEN = Address(b"\x11" * 20)
LABELS = {to_checksum(TOKEN): TokenLabel("USDC", 6)}


@pytest.mark.parametrize(
    ("amount", "text"),
    [(1, "0.000001 USDC"), (10**6, "1 USDC"), (1_234_567_890_123, "1,234,567.890123 USDC"), (0, "0 USDC")],
)
def test_amount_is_spelled_to_the_last_unit(amount, text):
    assert exact_text(amount, TOKEN, LABELS) == text


def test_amount_of_a_token_of_unknown_scale_is_in_base_units():
    assert exact_text(1_234, TOKEN, {}).startswith("1,234 units of 0x111111")


def test_trigger_says_where_and_how_far():
    usd = Exposure(TOKEN, TOKEN, 100_000_000, 10**8)
    assert trigger_text(Trigger(usd, 96_386_000), LABELS) == "USDC below 0.96386 USD (-3.61 %)"
    assert trigger_text(Trigger(usd, 105_000_001), LABELS) == "USDC above 1.05 USD (+5.00 %)"
    ratio = Exposure(TOKEN, TOKEN, 10**36, 0, TOKEN)
    assert trigger_text(Trigger(ratio, 9 * 10**35), LABELS) == "USDC below its price by -10.00 %"


def test_limit_and_date_are_told():
    limit = Limit(Parameter("liquidation_threshold_bps", TOKEN), 8_300, 7_999)
    assert limit_text(limit, LABELS) == "liquidation_threshold_bps of USDC at 7,999, 8,300 now"
    assert limit_text(Limit(Parameter("maintenance_margin_ppm", None), 62_500, 70_000), {}).startswith("maintenance")
    assert falls_text(1_700_000_000) == "interest alone by 2023-11-14 22:13 UTC"


@pytest.mark.parametrize("name", ["\x1b[31mx", "\u202eevil", "x" * 1_000_000, "[red]x", "<b>"])
def test_hostile_name_is_harmless_in_every_line(name):
    labels = {to_checksum(TOKEN): TokenLabel(name, 6)}
    cure = Cure(Lever(Action.REPAY, TOKEN, 1, 1), 1, WAD)
    health = Health(PositionKey(bytes(20)), WAD, False, 1, 1, 1)
    found = Outlook(health, HealthState.MARGIN_CALL, WAD, (cure,), (Trigger(Exposure(TOKEN, TOKEN, 2, 1), 1),))
    for line in [*outlook_lines(found, labels), cure_text(cure, labels)]:
        assert len(line) < 300
        assert "\x1b" not in line
        assert "\u202e" not in line
