"""The frozen values that flow between stages, from a block to an outcome.

Quantities are ints in base units of the token beside them unless the name carries a unit. Addresses are 20 raw
bytes; they become text only where people or JSON read them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, NewType, TypeAlias

from eth_utils.address import is_checksum_address, to_checksum_address

Address = NewType("Address", bytes)
"""20 raw bytes."""
PositionKey = NewType("PositionKey", bytes)
"""Names a position within its deployment; the last 20 bytes are the account that owes."""

ZERO_ADDRESS = Address(bytes(20))


@lru_cache(maxsize=65_536)
def to_checksum(address: Address) -> str:
    """Render an address in its mixed-case checksum form (EIP-55)."""
    return str(to_checksum_address(address))


def parse_address(text: str) -> Address:
    """Read an address a person wrote; `ValueError` unless it is 0x + 40 hex digits with a right checksum.

    All-lower and all-upper forms carry no checksum and are accepted.
    """
    body = text[2:]
    if len(text) != 42 or not text.startswith("0x") or any(c not in "0123456789abcdefABCDEF" for c in body):
        raise ValueError(f"{text!r} is not an address: expected 0x and 40 hex digits")

    if body not in (body.lower(), body.upper()) and not is_checksum_address(text):
        raise ValueError(f"{text} has a wrong checksum; the right spelling is {to_checksum_address(text.lower())}")

    return Address(bytes.fromhex(body))


def account_of(key: PositionKey) -> Address:
    """Return the account a position key ends with."""
    return Address(key[-20:])


# The chain ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BlockHead:
    """One block header, as far as the keeper needs it."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    base_fee_wei: int
    gas_used: int
    gas_limit: int
    coinbase: Address


@dataclass(frozen=True, slots=True)
class BlockTarget:
    """The block a plan aims for; `expires_at` is the last timestamp (unix s) at which it may still land."""

    number: int
    timestamp: int
    base_fee_wei: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Log:
    """One event, with its place in the chain."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    tx_hash: bytes
    index: int


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which logs to ask for; no range, the shell pages.

    `topics[i]` lists the alternatives at position i; an empty tuple there matches anything.
    """

    addresses: tuple[Address, ...]
    topics: tuple[tuple[bytes, ...], ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A contract call; a `sender` or `gas` makes it stand alone instead of joining a batch."""

    to: Address
    data: bytes
    value_wei: int = 0
    sender: Address | None = None
    gas: int | None = None


@dataclass(frozen=True, slots=True)
class StorageAt:
    """One storage word."""

    to: Address
    slot: int


@dataclass(frozen=True, slots=True)
class CodeAt:
    """The code of an account; empty for an externally owned one."""

    to: Address


@dataclass(frozen=True, slots=True)
class BalanceAt:
    """The native balance, answered as a 32-byte big-endian word."""

    account: Address


Request: TypeAlias = Call | StorageAt | CodeAt | BalanceAt


class Returned(NamedTuple):
    """The answer to one request; a revert is an answer (`ok` false, `data` the revert data)."""

    ok: bool
    data: bytes


# No ----------------------------------------------------------------------------------------------------------------


class Reason(StrEnum):
    """Every way the keeper says no; the value is what logs, journal and reports show."""

    HEALTHY = "healthy"
    NO_LEGAL_SIZE = "no_legal_size"
    PAUSED = "paused"
    GRACE_PERIOD = "grace_period"
    SENTINEL = "sequencer_sentinel"
    NOT_COLLATERAL = "not_collateral"
    RESERVE_INACTIVE = "reserve_inactive"
    NO_LIQUIDITY = "no_liquidity_in_protocol"
    UNKNOWN_PRICE = "unknown_price"
    STALE_PRICE = "stale_price"
    NO_ROUTE = "no_route"
    NO_FUNDING = "no_funding"
    UNTRUSTED_PROFIT_TOKEN = "untrusted_profit_token"
    BELOW_MIN_PROFIT = "below_min_profit"
    UNPROFITABLE = "unprofitable"
    BAD_DEBT = "bad_debt_left_alone"
    NO_STRATEGY = "no_strategy"
    CONFLICT = "conflict_in_block"
    IN_FLIGHT = "already_in_flight"
    TOO_LATE = "too_late"
    QUARANTINED = "quarantined"
    SIMULATION_FAILED = "simulation_failed"
    SIMULATION_DIFFERS = "simulation_differs"
    FEE_CAP = "fee_above_cap"
    INSUFFICIENT_GAS_FUNDS = "insufficient_gas_funds"
    DRY_RUN = "dry_run"
    DISARMED = "disarmed"
    GOVERNED = "governed"
    TOO_MUCH_GAS = "too_much_gas"


@dataclass(frozen=True, slots=True)
class Declined:
    """An expected no: what was looked at, why not, and the numbers that decided."""

    deployment: str
    key: PositionKey | None
    reason: Reason
    numbers: Mapping[str, int | str] = field(default_factory=dict)


# Positions and offers -------------------------------------------------------------------------------------------


class HealthState(StrEnum):
    """Where a position stands; underwater means its collateral is worth less than its debt."""

    HEALTHY = "healthy"
    MARGIN_CALL = "margin_call"
    LIQUIDATABLE = "liquidatable"
    UNDERWATER = "underwater"


@dataclass(frozen=True, slots=True)
class Health:
    """The exact health of a position at one block.

    `factor_wad` is the protocol's own ratio (liquidatable below 10**18, MAX_UINT256 without debt). Values are in
    the protocol's base currency, `base_unit` of which make one whole (10**8 for a dollar on Aave V3). Where that
    currency is a token and not the US dollar, `base_token` names it.
    """

    key: PositionKey
    factor_wad: int
    liquidatable: bool
    collateral_base: int
    debt_base: int
    base_unit: int
    base_token: Address | None = None


class TokenAmount(NamedTuple):
    """An amount in base units of a token."""

    token: Address
    amount: int


@dataclass(frozen=True, slots=True)
class Position:
    """What an account holds and owes, accrued to the market's target, for people to read."""

    key: PositionKey
    collateral: tuple[TokenAmount, ...]
    debt: tuple[TokenAmount, ...]
    note: str = ""


class OfferKind(StrEnum):
    """What taking an offer does."""

    SEIZE = "seize"
    """repay debt, take collateral"""
    TRIGGER = "trigger"
    """a call that pays by itself: bark, redo, flag"""
    SALE = "sale"
    """buy what the protocol holds: auctions, storefronts"""
    ASSUME = "assume"
    """take a position over"""


@dataclass(frozen=True, slots=True)
class Offer:
    """Pay at most this, receive that, by calls only the adapter knows.

    `sizes` are the legal sizes as disjoint ascending intervals `(lo, hi)`, both ends legal, in base units of
    `size_token`; an isolated point has `lo == hi`. The point `MAX_UINT256`, where a protocol takes it, asks for all
    that is allowed. `detail` is the adapter's own frozen value and means nothing outside it. `prelude` runs once per
    plan, before. `calls_back` says that what is received is handed over before it is paid for, with a call in between.
    `gas` is what taking it burns, prelude included, where the adapter's usual figure does not tell. `free` says that
    nothing is paid at any size.
    """

    deployment: str
    kind: OfferKind
    key: PositionKey | None
    pay_token: Address
    receive_token: Address
    size_token: Address
    sizes: tuple[tuple[int, int], ...]
    detail: object
    prelude: tuple[Call, ...] = ()
    calls_back: bool = False
    gas: int | None = None
    free: bool = False


class Payment(NamedTuple):
    """What taking an offer pulls from us.

    `at_most` bounds the amount until the plan expires: debts accrue between the block aimed for and the landing.
    `spender` is the zero address where nobody pulls: the calls themselves send the payment.
    """

    token: Address
    amount: int
    at_most: int
    spender: Address


@dataclass(frozen=True, slots=True)
class Settlement:
    """What taking an offer at one size moves, exactly, at the block it was computed for."""

    pays: tuple[Payment, ...]
    receives: tuple[TokenAmount, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """The transaction was mined but the protocol did not liquidate; `reason` is its own word for why."""

    reason: str


@dataclass(frozen=True, slots=True)
class TokenPrice:
    """A protocol's price of one whole token times 10**18, and the token's decimals.

    It is in US dollars, or in whole `quote` tokens where the protocol's oracle prices in a token. `updated_at` is the
    source's own timestamp in unix s, None where it reports none.
    """

    price: int
    decimals: int
    updated_at: int | None = None
    quote: Address | None = None
