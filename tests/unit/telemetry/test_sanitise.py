"""Untrusted text is harmless wherever it is shown."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.telemetry.sanitise import block_text, line_text, symbol_text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("WETH", "WETH"),
        (b"MKR" + bytes(29), "MKR"),
        ("\x1b[31mUSDC", "?[31mUSDC"),
        ("\u202eCDSU", "?CDSU"),
        ("US\u200bDC", "US?DC"),
        ("\uff35\uff33\uff24\uff23", "USDC"),  # full-width letters are the same letters
        ("US\u0414C", "US?C"),  # a Cyrillic letter only looks like one
        ("e\u0301", "?"),  # composed to one letter outside ASCII
        ("", "?"),
        ("\x00", "?"),
        (b"\xff\xfe", "??"),
        ("[red]A[/red]", "[red]A[/red]"),
        ("x" * 1_000_000, "x" * 32),
        ("\u3392" * 1_000, "MHz" * 10 + "MH"),  # one character that unfolds into three
    ],
)
def test_symbol_of_any_token_is_short_printable_ascii(raw, shown):
    assert symbol_text(raw) == shown


@given(st.one_of(st.text(), st.binary()))
def test_symbol_is_never_empty_long_or_unprintable(raw):
    shown = symbol_text(raw)
    assert 1 <= len(shown) <= 32
    assert all(" " <= char <= "~" for char in shown)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("reverted: 35", "reverted: 35"),
        ("\x1b]52;c;aGk=\x07", "\\u{1b}]52;c;aGk=\\u{7}"),
        ("a\u202eb", "a\\u{202e}b"),
        ("a\nb\tc", "a b c"),
        ("a\u2028b", "a\\u{2028}b"),
        ("größe 日本", "größe 日本"),
    ],
)
def test_line_keeps_letters_and_spells_controls_out(raw, shown):
    assert line_text(raw) == shown


def test_line_that_is_too_long_says_how_much_is_missing():
    assert line_text("x" * 105, 100) == "x" * 100 + "… (5 more)"


@given(st.text())
def test_line_holds_no_control_formatting_or_line_break(raw):
    assert {unicodedata.category(char)[0] for char in line_text(raw)} & {"C"} == set()
    assert "\n" not in line_text(raw)


def test_block_keeps_its_line_breaks_and_nothing_else():
    assert block_text("a\r\n\x1b[2Jb") == "a \n\\u{1b}[2Jb"
