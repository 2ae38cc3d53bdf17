"""Tables show rows as people read them, and obey nothing inside them."""

import io

import pytest

from keeper.telemetry.table import (
    TokenLabel,
    amount_text,
    declined_table,
    health_text,
    outcomes_table,
    positions_table,
    print_tables,
)

WETH, USDC = "0x" + "Aa" * 20, "0x" + "Bb" * 20
LABELS = {WETH: TokenLabel("WETH", 18), USDC: TokenLabel("US\x1b[31mDC", 6)}
LANDED = {
    "deployment": "aave-core",
    "position": "0x" + "11" * 20,
    "debt_token": USDC,
    "collateral_token": WETH,
    "repaid": "1500250000",
    "seized": "525000000000000000",
    "expected_profit": "20000000",
    "settled_profit": "21000000",
    "realised_profit": "21000000",
    "profit_token": USDC,
    "gas_used": 512345,
    "block": 19000000,
    "status": "landed",
    "reason": None,
}


def shown(*tables):
    stream = io.StringIO()
    print_tables(tables, stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("amount", "decimals", "text"),
    [
        (1_500_250_000, 6, "1,500.25"),
        (0, 18, "0"),
        (1, 18, "0.000000000000000001"),
        (123_456_789, 0, "123,456,789"),
        (1_234_567_891, 3, "1,234,567"),  # seven digits before the point leave no room after it
        (999_999_999_999_999_999, 18, "0.999999"),  # toward zero: never shown as more than it is
        (-2_500_000, 6, "-2.5"),
        (10**18, 18, "1"),
    ],
)
def test_amount_is_shown_with_six_digits_rounded_toward_zero(amount, decimals, text):
    assert amount_text(amount, decimals) == text


@pytest.mark.parametrize(
    ("wad", "text"),
    [
        ("1050000000000000000", "1.05"),
        (999_999_999_999_999_999, "0.999999"),
        (2**256 - 1, "∞"),
        (None, "∞"),
        ("x", "?"),
    ],
)
def test_health_is_shown_as_a_ratio(wad, text):
    assert health_text(wad) == text


def test_outcome_is_shown_in_whole_tokens_with_its_symbols():
    text = shown(outcomes_table([LANDED], LABELS))
    expected = (
        "0x111111…1111",
        "US?[31mDC → WETH",
        "1,500.25",
        "0.525",
        "21 US?[31mDC",
        "512,345",
        "19,000,000",
        "landed",
    )
    assert [piece for piece in expected if piece not in text] == []
    assert "\x1b" not in text


def test_outcome_not_landed_shows_what_was_expected_and_why():
    row = {**LANDED, "realised_profit": None, "settled_profit": None, "status": "expired", "reason": "too late"}
    text = shown(outcomes_table([row], LABELS))
    assert "(20 US?[31mDC)" in text
    assert "expired: too late" in text


def test_outcome_whose_reason_begins_with_its_status_says_it_once():
    unmined = {**LANDED, "realised_profit": None, "settled_profit": None, "status": "simulation_failed"}
    text = shown(outcomes_table([{**unmined, "reason": "simulation_failed: revert Paused"}], LABELS))
    assert text.count("simulation_failed") == 1
    assert "revert Paused" in text


def test_outcome_of_unknown_tokens_shows_base_units_and_short_addresses():
    text = shown(outcomes_table([LANDED], {}))
    assert "0xBbBbBb…BbBb → 0xAaAaAa…AaAa" in text
    assert "1,500,250,000" in text


def test_decline_is_shown_with_its_numbers_and_without_obeying_them():
    row = {
        "deployment": "aave-core",
        "position": None,
        "reason": "no_route",
        "block": 19000001,
        "numbers": {"why": "[red]\x1b[2J", "n": 5},
    }
    text = shown(declined_table([row]))
    assert "why=[red]\\u{1b}[2J n=5" in text
    assert "no_route" in text
    assert "19,000,001" in text


def test_position_is_shown_with_health_and_holdings():
    row = {
        "deployment": "aave-core",
        "position": "0x" + "11" * 20,
        "health_wad": "1020000000000000000",
        "state": "margin_call",
        "collateral": [{"token": WETH, "amount": "2000000000000000000"}],
        "debt": [{"token": USDC, "amount": "3000000000"}],
    }
    text = shown(positions_table([row], LABELS))
    assert [piece for piece in ("1.02", "margin_call", "2 WETH", "3,000 US?[31mDC") if piece not in text] == []


def test_megabyte_in_a_cell_costs_a_line_not_a_screen():
    row = {**LANDED, "reason": "y" * 1_000_000}
    assert len(shown(outcomes_table([row], LABELS))) < 20_000
