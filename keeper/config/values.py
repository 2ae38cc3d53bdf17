"""The small values a configuration is made of: money with a unit, wei amounts, ratios, addresses, paths.

Each is read exactly from the text a person wrote; no float is involved anywhere. A refusal is a `ValueError` whose
message says what was expected; it never repeats a value that may carry a secret.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation, localcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, StringConstraints, ValidationInfo, WithJsonSchema

from keeper.types import Address, parse_address, to_checksum
from keeper.units import GWEI, WAD, mul_div_up

_MONEY: Final = re.compile(r"\s*([0-9][0-9_]*(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*")
_RATIO: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_SCALE_DIGITS: Final = 18
_PLAUSIBLE_DIGITS: Final = 60


def text_of(value: object, expected: str) -> str:
    """Return a text, or raise `ValueError` saying what was expected (pydantic passes a `TypeError` through)."""
    match value:
        case str():
            return value
        case _:
            raise ValueError(expected)


def _scaled(number: str) -> int:
    """Read a decimal as an int times 10**18; `ValueError` rather than rounding."""
    if len(number) > _PLAUSIBLE_DIGITS:
        raise ValueError("the number is far too long")

    with localcontext(prec=2 * _PLAUSIBLE_DIGITS, rounding=ROUND_HALF_EVEN):
        try:
            scaled = Decimal(number.replace("_", "")).scaleb(_SCALE_DIGITS)
        except InvalidOperation as error:
            raise ValueError("not a decimal number") from error

        whole = int(scaled)  # exact: compared on the next line
        if scaled != whole:
            raise ValueError(f"{number} has more than {_SCALE_DIGITS} decimals")

    return whole


# Money ---------------------------------------------------------------------------------------------------------


class MoneyUnit(StrEnum):
    """What an amount of money in the configuration is counted in."""

    USD = "USD"
    NATIVE = "native"


@dataclass(frozen=True, slots=True)
class Money:
    """An amount as the operator wrote it: `amount` is US dollars or whole native tokens, times 10**18."""

    amount: int
    unit: MoneyUnit

    def in_usd(self, native_usd: int) -> int:
        """Convert to US dollars times 10**18, rounded up: a floor must not shrink.

        `native_usd` is the price of one whole native token in US dollars times 10**18.
        """
        if self.unit is MoneyUnit.USD:
            return self.amount

        return mul_div_up(self.amount, native_usd, WAD)  # up: at least what the operator asked for

    def __str__(self) -> str:
        """Render as it would be written in the configuration."""
        return f"{ratio_text(self.amount)} {self.unit}"


def parse_money(value: object) -> Money:
    """Read `"5 USD"` or `"0.004 native"`; `ValueError` without a unit or with another one."""
    if isinstance(value, Money):
        return value

    text = text_of(value, 'an amount of money is quoted text with a unit, such as "5 USD" or "0.004 native"')
    match = _MONEY.fullmatch(text)
    if match is None:
        raise ValueError(f'{text!r} is not an amount of money: write "5 USD" or "0.004 native"')

    number, unit = match.groups()
    if not unit:
        raise ValueError(f'{text!r} has no unit: write "{number} USD" or "{number} native"')

    for known in MoneyUnit:
        if unit.lower() == known.lower():
            return Money(_scaled(number), known)

    raise ValueError(f'unknown unit {unit!r}: use "USD" or "native" (the chain\'s own token)')


# Wei ------------------------------------------------------------------------------------------------------------


def parse_wei(value: object) -> int:
    """Read a wei amount: an integer, a decimal text (`"200000000000"`), or `"200 gwei"`; exact or `ValueError`."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value

    text = text_of(value, 'a wei amount is an integer, or text such as "200000000000" or "200 gwei"')
    match = _MONEY.fullmatch(text)
    if match is None:
        raise ValueError(f'{text!r} is not a wei amount: write "200000000000" or "200 gwei"')

    number, unit = match.groups()
    if unit.lower() not in ("", "wei", "gwei"):
        raise ValueError(f'unknown unit {unit!r}: a fee is in wei ("200000000000") or gwei ("200 gwei")')

    if unit.lower() == "gwei":
        scaled = _scaled(number) * GWEI
        if scaled % WAD:
            raise ValueError(f"{text!r} is not a whole number of wei")

        return scaled // WAD  # exact: the remainder was just refused

    if "." in number:
        raise ValueError(f"{text!r} is not a whole number of wei")

    if len(number) > _PLAUSIBLE_DIGITS:
        raise ValueError("the number is far too long")

    return int(number.replace("_", ""))


def parse_ratio(value: object) -> int:
    """Read a ratio written as text (`"1.05"`) into an int times 10**18; `ValueError` for floats and signs."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value * WAD

    text = text_of(value, 'a ratio is quoted text, such as "1.05": a bare 1.05 would be a binary fraction')
    if not _RATIO.fullmatch(text):
        raise ValueError(f'{text!r} is not a ratio: write "1.05"')

    return _scaled(text)


def _margin_call(health_wad: int) -> int:
    if not WAD < health_wad <= 10 * WAD:
        raise ValueError('a margin call lies above liquidation: more than "1", at most "10"')

    return health_wad


def ratio_text(scaled: int) -> str:
    """Render an int times 10**18 exactly, with no more digits than it has: what `parse_ratio` read."""
    whole, rest = divmod(scaled, WAD)
    return f"{whole}.{rest:018d}".rstrip("0").rstrip(".")


# Addresses, hashes, paths -----------------------------------------------------------------------------------


def _address(value: object) -> Address:
    if isinstance(value, bytes) and len(value) == 20:
        return Address(value)

    expected = 'an address is quoted text: "0x" and 40 hex digits between quotes'
    text = text_of(value, expected)
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
        # Not repeated: 64 digits in this place may be a private key.
        raise ValueError(f"{expected}; found {len(text)} characters" if len(text) != 42 else expected)

    address = parse_address(text)
    if not any(address):
        raise ValueError("the zero address is never right here")

    return address


def _hash32(value: object) -> bytes:
    if isinstance(value, bytes) and len(value) == 32:
        return value

    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{64}", value):
        raise ValueError('a code hash is quoted text: "0x" and 64 hex digits between quotes')

    return bytes.fromhex(value[2:])


def _resolved(path: Path, info: ValidationInfo) -> Path:
    """Resolve a relative path against the folder of the configuration file, given as validation context."""
    base = (info.context or {}).get("base_dir")
    path = path.expanduser()
    return path if base is None else Path(base) / path


def _plausible_path(value: object) -> object:
    if value == "":
        raise ValueError("an empty path: name a file, or leave the key out")

    if isinstance(value, str) and not value.isprintable():
        raise ValueError("the path holds a control character")

    return value


AddressText: TypeAlias = Annotated[
    Address,
    BeforeValidator(_address),
    PlainSerializer(to_checksum, return_type=str),
    WithJsonSchema({"type": "string", "format": "address", "pattern": "^0x[0-9a-fA-F]{40}$"}),
]
HashText: TypeAlias = Annotated[
    bytes,
    BeforeValidator(_hash32),
    PlainSerializer(lambda value: "0x" + value.hex(), return_type=str),
    WithJsonSchema({"type": "string", "format": "32 bytes in hex", "pattern": "^0x[0-9a-fA-F]{64}$"}),
]
MoneyText: TypeAlias = Annotated[
    Money,
    BeforeValidator(parse_money),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "format": "money", "pattern": r"^[0-9][0-9_]*(\.[0-9]+)? *(USD|native)$"}),
]
WeiAmount: TypeAlias = Annotated[
    int,
    BeforeValidator(parse_wei),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": ["integer", "string"], "format": "wei"}),
]
RatioWad: TypeAlias = Annotated[
    int,
    BeforeValidator(parse_ratio),
    PlainSerializer(ratio_text, return_type=str),
    WithJsonSchema({"type": ["string", "integer"], "format": "ratio", "pattern": r"^[0-9]+(\.[0-9]+)?$"}),
]
MarginCallWad: TypeAlias = Annotated[RatioWad, AfterValidator(_margin_call)]
ConfigPath: TypeAlias = Annotated[Path, BeforeValidator(_plausible_path), AfterValidator(_resolved)]
Name: TypeAlias = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"),
    WithJsonSchema({"type": "string", "format": "name", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"}),
]
