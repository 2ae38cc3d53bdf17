"""Tokens are asked for symbol and decimals; what they answer is shown to people, so it is made harmless."""

import pytest

from keeper.telemetry.labels import DECIMALS, SYMBOL, read_labels
from keeper.telemetry.table import TokenLabel
from keeper.types import Address, Returned, to_checksum

TOKEN = Address(b"\x11" * 20)
EIGHTEEN = Returned(ok=True, data=(18).to_bytes(32))


def text(raw, length=None):
    """An ABI string: where it starts, how long it says it is, its bytes padded to whole words."""
    size = len(raw) if length is None else length
    padded = raw.ljust(-(-len(raw) // 32) * 32, b"\0")
    return Returned(ok=True, data=(32).to_bytes(32) + size.to_bytes(32) + padded)


def label(symbol, decimals=EIGHTEEN):
    """What is made of two answers."""
    asked = read_labels([TOKEN])
    requests = next(asked)
    assert [(request.to, request.data) for request in requests] == [(TOKEN, SYMBOL), (TOKEN, DECIMALS)]
    with pytest.raises(StopIteration) as ended:
        asked.send((symbol, decimals))

    return ended.value.value.get(to_checksum(TOKEN))


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        (text(b"WETH"), "WETH"),
        (Returned(ok=True, data=b"MKR".ljust(32, b"\0")), "MKR"),
        (text(b"\x1b[31m\xe2\x80\xaeUSDC"), "?[31m?USDC"),
        (text(b"x" * 100_000), "x" * 32),
        (text(b"AB", length=2**255), "AB"),
        (Returned(ok=True, data=(2**255).to_bytes(32) + bytes(32)), "?"),
        (text(b""), "?"),
    ],
)
def test_label_of_any_symbol_is_short_and_harmless(symbol, name):
    assert label(symbol) == TokenLabel(name, 18)


@pytest.mark.parametrize(
    "symbol", [Returned(ok=False, data=b""), Returned(ok=True, data=b""), Returned(ok=True, data=b"W")]
)
def test_label_of_a_token_that_does_not_say_is_left_out(symbol):
    assert label(symbol) is None


@pytest.mark.parametrize(
    "decimals",
    [Returned(ok=False, data=(6).to_bytes(32)), Returned(ok=True, data=b""), Returned(ok=True, data=(78).to_bytes(32))],
)
def test_label_with_unknown_decimals_keeps_its_symbol(decimals):
    assert label(text(b"WETH"), decimals) == TokenLabel("WETH", None)
