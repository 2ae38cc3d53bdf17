"""The Vat's anonymous notes, vaults folded from them, and what names vaults and auctions."""

import pytest

from keeper.errors import DecodeError
from keeper.protocols.maker import abi
from keeper.protocols.maker.fold import folded
from keeper.protocols.maker.notes import FLUX, FORK, FROB, GRAB, note_of
from keeper.protocols.maker.urn import (
    EMPTY,
    Urn,
    auction_key,
    decode_urn,
    encode_urn,
    has_room,
    ilk_of,
    number_of,
    owner_of,
    urn_key,
)
from keeper.protocols.words import selector
from keeper.types import Address, Log
from keeper.units import WAD
from tests.fakes.maker_market import CONTRACTS, ILK, OWNER, note

VAT = CONTRACTS.vat
OTHER = Address(b"\x77" * 20)
FROB_CALL, FORK_CALL, GRAB_CALL = (selector(s) for s in (abi.FROB, abi.FORK, abi.GRAB))


def test_recorded_frob_of_the_deployed_vat_is_read():
    """A log of the Vat at 0x35D1...492B in block 14,623,434: YFI-A, the same account three times, debt paid back."""
    vat = Address(bytes.fromhex("35d1b3f3d7966a1dfe207aa4514c12a259a0492b"))
    ilk = bytes.fromhex("5946492d41").ljust(32, b"\0")
    account = bytes.fromhex("0abb839063ef747c8432b2acc60bf8f70ec09a45")
    dart = (-7_229_675_416_790_010_075_676_148) % 2**256
    words = [ilk, *[account.rjust(32, b"\0")] * 3, bytes(32), dart.to_bytes(32, "big")]
    data = (0x20).to_bytes(32, "big") + (0xE0).to_bytes(32, "big") + bytes.fromhex("76088703") + b"".join(words)
    topics = (bytes.fromhex("76088703").ljust(32, b"\0"), *words[:3])
    found = note_of(Log(vat, topics, data + bytes(28), 14_623_434, b"", b"", 0), vat)

    assert (found.kind, found.ilk, found.address(1)) == (FROB, ilk, account)
    assert dart.to_bytes(32, "big").hex().endswith("fa050e82a57b7fc6b6020c")
    assert (found.signed(4), found.signed(5)) == (0, -7_229_675_416_790_010_075_676_148)


def test_notes_have_the_selectors_of_the_rules():
    assert [kind[:4].hex() for kind in (FROB, GRAB, FORK, FLUX)] == ["76088703", "7bab3f40", "870c616d", "6111be2e"]


def test_events_have_the_topics_of_the_rules():
    topics = (abi.BARKED, abi.DIGS, abi.FILED, abi.FILED_OF_ILK, abi.KICKED, abi.TAKEN, abi.REDONE, abi.YANKED)
    assert [topic.hex()[:8] for topic in (*topics, abi.LOG_VALUE)] == [
        "85258d09", "54f095dc", "e986e40c", "851aa1ca", "7c5bfdc0", "05e309fd", "275de7ec", "2c5d2826", "296ba4ca",
    ]  # fmt: skip


def test_calls_have_the_selectors_of_the_rules():
    signatures = (
        abi.BARK,
        abi.TAKE,
        abi.REDO,
        abi.CLIPPER_CALL,
        abi.SALES,
        abi.POKE_ILK,
        abi.DRIP,
        abi.POKE,
        abi.PRICE,
    )
    assert [selector(signature).hex() for signature in signatures] == [
        "ed998908", "81a794cb", "d843416d", "8452c10e", "b5f522f7", "1504460f", "44e2a5a8", "18178358", "487a2395",
    ]  # fmt: skip


def test_other_contracts_logs_are_no_notes():
    log = note(FROB_CALL, ILK, OWNER, OWNER, OWNER, 1, 1)
    assert note_of(log, OTHER) is None


@pytest.mark.parametrize(
    "change",
    [
        {"data": b"\0" * 287},
        {"topics": (FROB, ILK, OWNER.rjust(32, b"\0"))},
        {"topics": (FROB, ILK, OTHER.rjust(32, b"\0"), OWNER.rjust(32, b"\0"))},
        {"topics": (GRAB, ILK, OWNER.rjust(32, b"\0"), OWNER.rjust(32, b"\0"))},
    ],
)
def test_log_of_the_vat_with_another_shape_is_an_error(change):
    plain = note(FROB_CALL, ILK, OWNER, OWNER, OWNER, 1, 1)
    with pytest.raises(DecodeError):
        note_of(Log(VAT, change.get("topics", plain.topics), change.get("data", plain.data), 1, b"", b"", 0), VAT)


def fold(*logs, before=None):
    held = before or {}
    return folded([note_of(log, VAT) for log in logs], lambda key: held.get(key, EMPTY))


KEY, THEIRS = urn_key(ILK, OWNER), urn_key(ILK, OTHER)


def test_frob_moves_the_second_argument_whoever_pays():
    changed, doubtful = fold(note(FROB_CALL, ILK, OWNER, OTHER, OTHER, 10 * WAD, 5 * WAD))
    assert (changed, doubtful) == ({KEY: Urn(10 * WAD, 5 * WAD)}, set())


def test_grab_takes_what_a_bark_seized():
    changed, _ = fold(
        note(GRAB_CALL, ILK, OWNER, OTHER, OTHER, -3 * WAD, -2 * WAD), before={KEY: Urn(10 * WAD, 5 * WAD)}
    )
    assert changed == {KEY: Urn(7 * WAD, 3 * WAD)}


def test_fork_moves_from_the_first_vault_to_the_second():
    changed, _ = fold(note(FORK_CALL, ILK, OWNER, OTHER, 4 * WAD, WAD), before={KEY: Urn(10 * WAD, 5 * WAD)})
    assert changed == {KEY: Urn(6 * WAD, 4 * WAD), THEIRS: Urn(4 * WAD, WAD)}


def test_fork_to_oneself_changes_nothing():
    changed, _ = fold(note(FORK_CALL, ILK, OWNER, OWNER, 4 * WAD, WAD), before={KEY: Urn(10 * WAD, 5 * WAD)})
    assert changed == {KEY: Urn(10 * WAD, 5 * WAD)}


def test_vault_below_nothing_is_doubted():
    changed, doubtful = fold(note(FROB_CALL, ILK, OWNER, OWNER, OWNER, -1, 5))
    assert (changed, doubtful) == ({KEY: Urn(0, 5)}, {KEY})


def test_keys_name_what_they_are_of():
    auction = auction_key(ILK, 513, OWNER)
    assert (len(KEY), len(auction)) == (52, 52)
    assert (ilk_of(KEY), number_of(KEY), owner_of(KEY)) == (ILK, 0, OWNER)
    assert (ilk_of(auction), number_of(auction), owner_of(auction)) == (ILK, 513, OWNER)


def test_name_of_more_than_24_bytes_leaves_no_room():
    assert has_room(b"x" * 24 + bytes(8))
    assert not has_room(b"x" * 25 + bytes(7))


def test_vault_is_written_down_and_read_back():
    urn = Urn(2**200, 2**255)
    assert decode_urn(encode_urn(urn)) == urn
    with pytest.raises(DecodeError):
        decode_urn(encode_urn(urn)[:-1])
