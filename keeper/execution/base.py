"""The values of execution: fees, a signed transaction, and the ways it can end."""

from dataclasses import dataclass
from enum import StrEnum

from keeper.types import Address, Settlement, TokenAmount


@dataclass(frozen=True, slots=True)
class Fees:
    """EIP-1559 fees per gas, in wei."""

    max_fee_wei: int
    tip_wei: int


@dataclass(frozen=True, slots=True)
class SignedTx:
    """A transaction that may leave once its journal row is durable; `raw` is never logged."""

    plan_id: str | None
    hash: bytes
    raw: bytes
    sender: Address
    nonce: int
    fees: Fees
    gas_limit: int


class Status(StrEnum):
    """How a plan ended, or stands; the value is what journal and reports show."""

    PLANNED = "planned"
    DRY_RUN = "dry_run"
    SIMULATION_FAILED = "simulation_failed"
    SIGNED = "signed"
    SENT = "sent"
    LANDED = "landed"
    MISSED = "missed"
    REVERTED = "reverted"
    EXPIRED = "expired"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a plan ended, keyed by transaction and block.

    `settled` is the model on the state just before the transaction, `realised` what the receipt's logs moved;
    `cause` names why expected and realised differ, None where they do not.
    """

    plan_id: str
    status: Status
    tx_hash: bytes
    block_number: int
    block_hash: bytes
    gas_used: int
    gas_price_wei: int
    realised: Settlement | None
    settled_profit: TokenAmount | None
    realised_profit: TokenAmount | None
    cause: str | None
    reason: str | None
