"""Feeds: an answer only when everything about it is sound."""

from keeper.oracles.feeds import Answer, read_feed
from keeper.types import Address, Reason, Returned
from keeper.units import USD

FEED = Address(b"\x09" * 20)


def _words(*values: int) -> bytes:
    return b"".join((value % 2**256).to_bytes(32, "big") for value in values)


def _read(answer: int, updated_at: int, decimals: bytes | None = None) -> Answer | Reason:
    read = read_feed(FEED, oldest=1_000)
    next(read)
    returned = (
        Returned(ok=decimals is None or bool(decimals), data=_words(8) if decimals is None else decimals),
        Returned(ok=True, data=_words(1, answer, 0, updated_at, 1)),
    )
    try:
        read.send(returned)
    except StopIteration as stop:
        result: Answer | Reason = stop.value
        return result

    raise AssertionError("the read asked twice")


def test_read_feed_scales_the_answer_to_eighteen_decimals() -> None:
    assert _read(200_000_000_000, 1_000) == Answer(2_000 * USD, 1_000)


def test_read_feed_zero_or_negative_is_unknown() -> None:
    assert _read(0, 1_000) is Reason.UNKNOWN_PRICE
    assert _read(-1, 1_000) is Reason.UNKNOWN_PRICE


def test_read_feed_too_old_is_stale() -> None:
    assert _read(200_000_000_000, 999) is Reason.STALE_PRICE


def test_read_feed_without_decimals_is_unknown() -> None:
    assert _read(200_000_000_000, 1_000, decimals=b"") is Reason.UNKNOWN_PRICE
