"""The sequencer's uptime feed: up for long enough, or a reason to wait."""

import pytest

from keeper.oracles.sequencer import read_sequencer
from keeper.types import Address, Call, Returned

FEED = Address(b"\x09" * 20)
NOW = 1_700_000_000
UP, DOWN = 0, 1


def told(answer, started_at):
    words = (18_446_744_073_709_551_617, answer, started_at, started_at, 18_446_744_073_709_551_617)
    return Returned(ok=True, data=b"".join(word.to_bytes(32, "big") for word in words))


def read(returned, grace_s=3_600):
    reading = read_sequencer(FEED, NOW, grace_s)
    assert next(reading) == (Call(FEED, bytes.fromhex("feaf968c")),)  # latestRoundData()
    with pytest.raises(StopIteration) as stop:
        reading.send((returned,))

    return stop.value.value


@pytest.mark.parametrize(("up_for_s", "grace_s"), [(3_600, 3_600), (86_400, 3_600), (0, 0)])
def test_read_sequencer_up_for_as_long_as_the_grace_is_fine(up_for_s, grace_s):
    assert read(told(UP, NOW - up_for_s), grace_s) is None


def test_read_sequencer_back_within_the_grace_is_left_alone_until_its_end():
    assert read(told(UP, NOW - 3_599)) == "it is back only since 1699996401, left alone until 1700000001"


@pytest.mark.parametrize("answer", [DOWN, 2, 2**256 - 1])
def test_read_sequencer_any_answer_but_zero_is_down(answer):
    assert read(told(answer, NOW - 86_400)) == "it is down"


@pytest.mark.parametrize(
    ("returned", "why"),
    [
        (Returned(ok=False, data=b""), "gives no answer"),
        (Returned(ok=True, data=b""), "gives no answer"),
        (Returned(ok=True, data=bytes(159)), "gives no answer"),
        (told(UP, 0), "has no round yet"),
    ],
)
def test_read_sequencer_feed_that_tells_nothing_is_no_all_clear(returned, why):
    assert why in read(returned)
