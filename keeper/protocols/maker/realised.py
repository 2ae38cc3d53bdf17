"""What a receipt's logs say was moved. Sources: the events of Dog and Clipper, the Vat's note of `flux`, DAI's mint."""

from collections.abc import Sequence

from keeper.errors import DecodeError
from keeper.protocols.maker import abi
from keeper.protocols.maker.notes import FLUX, note_of
from keeper.protocols.maker.offers import Buying, Liquidation
from keeper.protocols.maker.settle import detail_of, rewarded
from keeper.protocols.maker.urn import owner_of
from keeper.protocols.words import WORD, word
from keeper.types import ZERO_ADDRESS, Address, Log, Offer, Payment, Rejected, Settlement, TokenAmount
from keeper.units import RAY, div_up


def realised(offer: Offer, logs: Sequence[Log]) -> Settlement | Rejected:
    """Read what the first such event of this vault or auction moved."""
    detail, key = detail_of(offer)
    if isinstance(detail, Buying):
        return _bought(offer, detail, logs)

    topics: tuple[bytes, ...]
    if isinstance(detail, Liquidation):
        emitter, topics, what = detail.contracts.dog, (abi.BARKED, detail.ilk, _topic(owner_of(key))), "Bark"
    else:
        emitter, topics, what = detail.clip, (abi.REDONE, detail.number.to_bytes(WORD, "big")), "Redo"

    at = next((i for i, log in enumerate(logs) if log.address == emitter and log.topics[: len(topics)] == topics), None)
    if at is None:
        return Rejected(f"no {what} event for it")

    minted = (abi.TRANSFERRED, _topic(ZERO_ADDRESS))
    for log in logs[at:]:
        if log.address == offer.receive_token and log.topics[:2] == minted:
            return rewarded(offer, word(log.data, 0))

    return Rejected("the reward was not taken out of the Vat")


def _bought(offer: Offer, detail: Buying, logs: Sequence[Log]) -> Settlement | Rejected:
    """What one purchase moved: the event says what was paid, the Vat's note just before what was handed over."""
    topics = (abi.TAKEN, detail.number.to_bytes(WORD, "big"))
    moved: int | None = None
    for log in logs:
        note = note_of(log, detail.contracts.vat)
        if note is not None and note.kind == FLUX and (note.ilk, note.address(1)) == (detail.ilk, detail.clip):
            # The first is the buyer's; what is left goes back to the vault by another.
            moved = note.number(3) if moved is None else moved

        if log.address != detail.clip or log.topics[:1] != (abi.TAKEN,):
            continue

        if log.topics[:2] != topics:
            moved = None
            continue

        if moved is None or len(log.data) != 5 * WORD:
            raise DecodeError("a Take without what it handed over", block=log.block_number)

        owe = div_up(word(log.data, 2), RAY)
        payment = Payment(offer.pay_token, owe, owe, ZERO_ADDRESS)
        return Settlement((payment,), (TokenAmount(offer.receive_token, moved // detail.unit),))

    return Rejected("no Take event for this auction")


def _topic(address: Address) -> bytes:
    return address.rjust(WORD, b"\0")
