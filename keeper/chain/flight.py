"""The flight record: a file of what each pass asked, was answered and decided, from which it can be run again.

Append-only frames, each a length, a checksum and a compressed MessagePack record, so that a run that was killed
leaves a readable file. A run starts with `RunStart`; one `PassRecord` follows per pass. Holds no keys and no signed
transactions: of those only the hash is written.
"""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from keeper.chain.port import HeadEvent, Hypothesis
from keeper.errors import KeeperError
from keeper.types import BalanceAt, BlockHead, Call, CodeAt, LogQuery, Request, StorageAt

FORMAT: Final = 1
_GZIP: Final = b"\x1f\x8b"
_MAX_FRAME: Final = 2**30


class FlightFileError(KeeperError):
    """A flight record cannot be read; the message names the file and what is wrong with it."""


class RunStart(msgspec.Struct, frozen=True, array_like=True, tag="run"):
    """The first record of a run; `config` is the fingerprint of the configuration it ran with."""

    format: int
    keeper: str
    chain_id: int
    config: str


class Exchange(msgspec.Struct, frozen=True, array_like=True):
    """One question and what came back: `answer`, or where it raised, `error` and the message with it."""

    question: bytes
    answer: bytes
    error: str = ""
    message: str = ""


class PassRecord(msgspec.Struct, frozen=True, array_like=True, tag="pass"):
    """One pass: what set it off (None for the start of a run), what it was told, what it decided.

    `state` is what the run starts from, rows by deployment or venue. `decisions` are the engine's own lines, every
    number as decimal text.
    """

    event: HeadEvent | None
    state: dict[str, list[tuple[bytes, bytes]]]
    exchanges: list[Exchange]
    decisions: list[dict[str, str]]


_records = msgspec.msgpack.Decoder(RunStart | PassRecord)


def write_record(file: BinaryIO, record: RunStart | PassRecord) -> None:
    """Append one frame."""
    body = zlib.compress(msgspec.msgpack.encode(record), 1)
    file.write(len(body).to_bytes(4, "big") + zlib.crc32(body).to_bytes(4, "big") + body)


def read_flight(path: Path) -> Iterator[RunStart | PassRecord]:
    """Read a record file, plain or gzipped; a last frame cut short by a kill is left out.

    `FlightFileError` for anything else that is not a flight record of this format.
    """
    try:
        with path.open("rb") as plain:
            zipped = plain.read(2) == _GZIP

        with gzip.open(path) if zipped else path.open("rb") as file:
            yield from _frames(file, path)
    except (OSError, EOFError, zlib.error) as error:
        raise FlightFileError(f"{path}: cannot be read as a flight record: {error}") from error


def _frames(file: BinaryIO | gzip.GzipFile, path: Path) -> Iterator[RunStart | PassRecord]:
    started = False
    while len(prefix := file.read(8)) == 8:
        length = int.from_bytes(prefix[:4], "big")
        if length > _MAX_FRAME:
            raise FlightFileError(f"{path}: not a flight record: a frame of {length} bytes")

        body = file.read(length)
        if len(body) < length:
            break

        if zlib.crc32(body) != int.from_bytes(prefix[4:], "big"):
            raise FlightFileError(f"{path}: not a flight record, or damaged: a frame's checksum is wrong")

        try:
            record = _records.decode(zlib.decompress(body))
        except msgspec.DecodeError as error:
            raise FlightFileError(f"{path}: a record has another shape than format {FORMAT}: {error}") from error

        if isinstance(record, RunStart) and record.format != FORMAT:
            raise FlightFileError(f"{path}: written in format {record.format}, this keeper reads format {FORMAT}")

        if not started and not isinstance(record, RunStart):
            raise FlightFileError(f"{path}: does not begin with the start of a run")

        started = True
        yield record

    if not started:
        raise FlightFileError(f"{path}: holds no run")


# Questions ------------------------------------------------------------------------------------------------------------
# Equal questions have equal bytes: that is how a replay finds its answers. Integers that may exceed 64 bits are words.


def ask_reads(block_hash: bytes, requests: Sequence[Request]) -> bytes:
    """Write one round of reads."""
    return _question("reads", block_hash, [_request(request) for request in requests])


def ask_logs(queries: Sequence[LogQuery], from_block: int, head: BlockHead) -> bytes:
    """Write a question for logs."""
    return _question("logs", head.hash, from_block, [(query.addresses, query.topics) for query in queries])


def ask_header(block: int | bytes) -> bytes:
    """Write a question for a header."""
    return _question("header", block)


def ask_simulation(call: Call, head: BlockHead, hypothesis: Hypothesis) -> bytes:
    """Write a simulation."""
    return _question("simulate", head.hash, _request(call), hypothesis)


def ask_simulation_in_turn(calls: Sequence[Call], head: BlockHead, hypothesis: Hypothesis) -> bytes:
    """Write a simulation of several calls."""
    return _question("simulate in turn", head.hash, [_request(call) for call in calls], hypothesis)


def ask_account(kind: str, subject: bytes) -> bytes:
    """Write an unpinned question about an account or a transaction."""
    return _question(kind, subject)


def show_question(question: bytes) -> str:
    """Render a question for people: its kind, its block, and what it asks of which address."""
    kind, *rest = msgspec.msgpack.decode(question, type=list[object])
    return f"{kind}({', '.join(map(_shown, rest))})"


def _question(kind: str, *parts: object) -> bytes:
    return msgspec.msgpack.encode([kind, *parts])


def _request(request: Request) -> Sequence[object]:
    match request:
        case Call(to, data, value_wei, sender, gas):
            return ("call", to, data, value_wei.to_bytes(32, "big"), sender, gas)
        case StorageAt(to, slot):
            return ("storage", to, slot.to_bytes(32, "big"))
        case CodeAt(to):
            return ("code", to)
        case BalanceAt(account):
            return ("balance", account)


def _shown(part: object) -> str:
    if isinstance(part, bytes):
        text = part.hex()
        return f"0x{text}" if len(text) <= 80 else f"0x{text[:72]}...({len(part)} bytes)"

    if isinstance(part, list):
        shown = [_shown(item) for item in part[:6]]
        return f"[{', '.join(shown)}{f', ... {len(part)} in all' if len(part) > 6 else ''}]"

    return str(part)
