"""What a rollup charges for publishing a transaction's bytes on its parent chain, bounded from above.

Source: GasPriceOracle.getL1FeeUpperBound and the regression of the Fjord upgrade, OP stack.
"""

from dataclasses import dataclass
from typing import Final

from keeper.protocols.reads import Reads, ask
from keeper.protocols.words import selector
from keeper.types import Address, Call

GAS_PRICE_ORACLE: Final = Address(bytes.fromhex("420000000000000000000000000000000000000f"))
"""The same on every OP-stack chain."""
_NUMBERS: Final = ("l1BaseFee()", "blobBaseFee()", "baseFeeScalar()", "blobBaseFeeScalar()")
_WORD: Final = 32
_SIGNATURE_BYTES: Final = 68
_REGRESSION_CONSTANT: Final = -42_585_600
_REGRESSION_SLOPE: Final = 836_500
_LEAST_SIZE: Final = 100_000_000
"""The least size charged for, in millionths of a byte."""

_ENVELOPE_BYTES: Final = 120
_FRAME_BYTES: Final = 800
_CALL_BYTES: Final = 500
_HOP_BYTES: Final = 560


@dataclass(frozen=True, slots=True)
class DataFee:
    """The four numbers an OP-stack chain prices bytes with, as its oracle has them.

    Base fees in wei, scalars in millionths.
    """

    l1_base_fee_wei: int
    blob_base_fee_wei: int
    base_fee_scalar: int
    blob_base_fee_scalar: int

    def at_most_wei(self, unsigned_bytes: int) -> int:
        """Bound the fee of a transaction of so many bytes before its signature, rounded down like the contract."""
        size = unsigned_bytes + _SIGNATURE_BYTES
        compressed = size + size // 255 + 16  # down: FastLZ at its worst
        estimated = max(_LEAST_SIZE, _REGRESSION_CONSTANT + _REGRESSION_SLOPE * compressed)
        price = 16 * self.base_fee_scalar * self.l1_base_fee_wei + self.blob_base_fee_scalar * self.blob_base_fee_wei
        return estimated * price // 10**12


def plan_bytes(hops: int, calls: int) -> int:
    """Bound the bytes of a plan's transaction before its signature; a test holds the recipes to it."""
    return _ENVELOPE_BYTES + _FRAME_BYTES + calls * _CALL_BYTES + hops * _HOP_BYTES


def read_data_fee() -> Reads[DataFee | None]:
    """Read the four numbers; None where the oracle does not answer, so that nothing is planned without them."""
    answers = yield from ask(*(Call(GAS_PRICE_ORACLE, selector(name)) for name in _NUMBERS))
    if any(not answer.ok or len(answer.data) != _WORD for answer in answers):
        return None

    return DataFee(*(int.from_bytes(answer.data, "big") for answer in answers))
