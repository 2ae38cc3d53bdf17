import json
from dataclasses import dataclass
from enum import StrEnum

import pytest

from keeper.journal.text import from_hex, hex_text, position_text, to_json
from keeper.types import PositionKey, TokenAmount


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Detail:
    pair: tuple[int, bytes]
    colour: Colour
    parts: frozenset[int]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2**256 - 1, str(2**256 - 1)),
        (b"\x01\xff", "0x01ff"),
        (True, True),
        (None, None),
        (TokenAmount(b"\x02", 5), {"token": "0x02", "amount": "5"}),
        (
            Detail((1, b"\x03"), Colour.RED, frozenset({2, 1})),
            {"pair": ["1", "0x03"], "colour": "red", "parts": ["1", "2"]},
        ),
        ({b"\x04": [1]}, {"0x04": ["1"]}),
        # an adapter's own object without fields: its name, not its address in memory
        (object(), "object"),
    ],
)
def test_json_keeps_every_digit_and_every_byte(value, expected):
    assert json.loads(to_json(value)) == expected


def test_hex_text_comes_back():
    assert from_hex(hex_text(b"\x00\x01")) == b"\x00\x01"


def test_a_position_of_more_than_an_account_is_shown_whole():
    assert position_text(PositionKey(b"\x07" + b"\x01" * 20)) == "0x07" + "01" * 20
    assert position_text(None) is None
