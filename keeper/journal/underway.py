"""Plans under way as text and back, for a flight record; a plan's row in the journal tells the same."""

import json
from collections.abc import Mapping
from typing import Any

from keeper.journal.text import from_hex, to_json
from keeper.planning.base import Funding
from keeper.planning.underway import PlannedSwap, Taking, Underway
from keeper.protocols.base import Lender
from keeper.types import Address, OfferKind, PositionKey


def underway_text(plan: Underway) -> str:
    """Write a plan under way as one line."""
    return to_json(plan)


def read_underway(text: str) -> Underway:
    """Read what `underway_text` wrote."""
    told: dict[str, Any] = json.loads(text)
    return Underway(
        deployment=told["deployment"],
        key=None if told["key"] is None else PositionKey(from_hex(told["key"])),
        kind=OfferKind(told["kind"]),
        pay_token=address(told["pay_token"]),
        receive_token=address(told["receive_token"]),
        size_token=address(told["size_token"]),
        takings=tuple(map(read_taking, told["takings"])),
        swaps=tuple(
            PlannedSwap(
                address(swap["pool"]), address(swap["token_in"]), address(swap["token_out"]), int(swap["amount_in"])
            )
            for swap in told["swaps"]
        ),
        funding=read_funding(told["funding"]),
    )


def read_taking(told: Mapping[str, Any]) -> Taking:
    """Read one call of a plan."""
    key = None if told["key"] is None else PositionKey(from_hex(told["key"]))
    return Taking(key, address(told["receive_token"]), int(told["size"]))


def read_funding(told: Mapping[str, Any]) -> Funding:
    """Read whose money a plan uses; rows of an older keeper know of no fee that is rounded down."""
    lender = told["lender"]
    return Funding(
        Lender(
            lender["kind"],
            address(lender["lender"]),
            address(lender["token"]),
            int(lender["available"]),
            int(lender["fee_bps"]),
            fee_rounds_up=lender["fee_rounds_up"],
            fee_rounds_down=lender.get("fee_rounds_down", False),
        ),
        int(told["amount"]),
        int(told["fee"]),
    )


def address(text: str) -> Address:
    """Read an address written as 0x text."""
    return Address(from_hex(text))
