"""Programs and reverts of the executor contract, read back for people and tests."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeVar

from eth_utils.crypto import keccak

from keeper.errors import DecodeError
from keeper.execution import calldata
from keeper.execution.operations import (
    Allow,
    Amount,
    Answer,
    Call,
    Expect,
    Flag,
    Grant,
    Header,
    Op,
    Patch,
    Pay,
    PoolId,
    Require,
    Source,
    Tip,
    Transfer,
    Try,
    Unwrap,
    Watch,
)
from keeper.execution.token_errors import TOKEN_MEANINGS
from keeper.types import Address, to_checksum

K = TypeVar("K", bound=IntEnum)

# Programs -----------------------------------------------------------------------------------------------------------


def decode_execute(data: bytes) -> tuple[Header, tuple[Op, ...]]:
    """Read a call of `Executor.execute`; `DecodeError` if it is not one, or its program is cut off."""
    if data[:4] != calldata.EXECUTE_SELECTOR or len(data) < 4 + 10 * 32:
        raise DecodeError("not a call of the executor", selector=data[:4].hex())

    words = [int.from_bytes(data[4 + 32 * i : 36 + 32 * i], "big") for i in range(10)]
    deadline, max_block, token, min_profit, tip_bps, min_tip, max_tip, flags, _, length = words
    if token >> 160:
        raise DecodeError(f"the profit token is no address: {token:#x}")

    header = Header(
        deadline, Address(token.to_bytes(20, "big")), min_profit, max_block, tip_bps, min_tip, max_tip, Flag(flags)
    )
    program = data[4 + 10 * 32 : 4 + 10 * 32 + length]

    if len(program) != length:
        raise DecodeError(f"a program of {length} bytes ends after {len(program)}")

    return header, decode_program(program)


def decode_program(program: bytes) -> tuple[Op, ...]:
    """Read the operations of a program; `DecodeError` where it is cut off or a code is unknown."""
    cursor = _Cursor(program)
    ops = []

    while not cursor.done:
        ops.append(_decode_op(cursor))

    return tuple(ops)


@dataclass(slots=True)
class _Cursor:
    """A place in a program; reading moves it on."""

    program: bytes
    place: int = 0

    @property
    def done(self) -> bool:
        return self.place == len(self.program)

    def take(self, size: int) -> bytes:
        piece = self.program[self.place : self.place + size]

        if len(piece) != size:
            raise DecodeError(f"a program ends at byte {len(self.program)}, inside an operation")

        self.place += size
        return piece

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def address(self) -> Address:
        return Address(self.take(20))

    def sized(self) -> bytes:
        return self.take(self.number(2))

    def slot(self) -> int | None:
        index = self.number(1)
        return None if index == calldata.NO_SLOT else index


def _decode_op(cursor: _Cursor) -> Op:  # noqa: PLR0911  # one case per operation
    code = cursor.number(1)

    match code:
        case calldata.CALL:
            return _decode_call(cursor)
        case calldata.TRANSFER:
            return Transfer(cursor.address(), cursor.address(), _decode_amount(cursor))
        case calldata.PAY:
            return Pay(cursor.address(), _decode_amount(cursor))
        case calldata.REQUIRE:
            target, index, bound = cursor.address(), cursor.number(1), cursor.number(16)
            at_least = bool(index & calldata.AT_LEAST_FLAG)
            return Require(target, cursor.sized(), index & ~calldata.AT_LEAST_FLAG, bound, at_least)
        case calldata.TRY:
            return Try(cursor.number(4), decode_program(cursor.sized()))
        case calldata.UNWRAP:
            return Unwrap(_decode_amount(cursor))
        case calldata.TIP:
            return Tip(cursor.number(16))
        case calldata.GRANT:
            return Grant(cursor.address(), cursor.take(4), cursor.address(), cursor.take(4))
        case calldata.WATCH:
            return Watch(cursor.address())
        case _:
            raise DecodeError(f"no operation has the code {code:#04x}")


def _decode_call(cursor: _Cursor) -> Call:
    flags = cursor.number(2)
    first = cursor.address()
    target: Address | PoolId = first

    if flags & calldata.POOL_FLAG:
        target = PoolId(first, cursor.address(), cursor.address(), cursor.number(3))

    data = cursor.sized()
    counts = (flags, flags >> calldata.ALLOWS_SHIFT, flags >> calldata.EXPECTS_SHIFT)
    patches = tuple(Patch(cursor.number(2), _decode_amount(cursor)) for _ in range(counts[0] & calldata.MAX_PATCHES))
    allows = tuple(Allow(cursor.address(), _decode_amount(cursor)) for _ in range(counts[1] & calldata.MAX_ALLOWS))
    expects = [_decode_expect(cursor) for _ in range(counts[2] & calldata.MAX_EXPECTS)]
    return Call(target, data, patches, allows, tuple(reversed(expects)), keep=bool(flags & calldata.KEEP_FLAG))


def _decode_expect(cursor: _Cursor) -> Expect:
    selector, data_argument, initiator = cursor.take(4), cursor.slot(), cursor.slot()
    answer, may_pay = cursor.number(1), cursor.number(16)
    offset = cursor.number(2) if data_argument is not None else 0
    caller = cursor.address() if answer & calldata.EXPLICIT_FLAG else None
    kind = _known(Answer, answer & ~calldata.EXPLICIT_FLAG)
    word = cursor.take(32) if kind is Answer.WORD else b""
    return Expect(selector, data_argument, offset, may_pay, kind, initiator, caller, word)


def _decode_amount(cursor: _Cursor) -> Amount:
    form = cursor.number(1)
    source = _known(Source, form & 0x0F)
    value, token = 0, Amount(source).token

    match source:
        case Source.EXACT:
            value = cursor.number(16)
        case Source.GAIN_OF:
            token = cursor.address()
        case Source.WORD | Source.RETURNED:
            value = cursor.number(1)
        case Source.GAIN:
            pass

    scale = cursor.number(1) if form & calldata.SCALED_FLAG else None
    return Amount(source, value, token, scale, bool(form & calldata.UP_FLAG), bool(form & calldata.NEGATE_FLAG))


def _known(kind: type[K], value: int) -> K:
    try:
        return kind(value)
    except ValueError:
        raise DecodeError(f"no {kind.__name__.lower()} has the code {value}") from None


# Reverts ------------------------------------------------------------------------------------------------------------

_MEANINGS: Final = {
    "NotOperator(address)": "{0} is not in the executor's operator set",
    "NotOwner(address)": "{0} is not the executor's owner",
    "NotGuardian(address)": "{0} is neither guardian nor owner",
    "NotAtlas(address)": "{0} is not the Atlas contract of this executor",
    "NotSelf(address)": "{0} called what only the executor itself calls",
    "Paused()": "the executor is paused",
    "ZeroAddress()": "an address is zero that must not be",
    "NoTreasuryProposed()": "no treasury was proposed",
    "TreasuryTooEarly(uint256)": "the proposed treasury can be accepted from {0} (unix s)",
    "WrongChain(uint256)": "the executor was deployed for another chain than {0}",
    "Expired(uint256,uint256)": "landed after timestamp {0} or block {1}",
    "ZeroMinProfit()": "the least profit is zero",
    "TipNeedsWrappedNative(address)": "a share as tip needs the wrapped native token as profit token, not {0}",
    "FrameOpen()": "entered while a frame was open",
    "NoFrame(address)": "{0} called while no frame was open",
    "ExpectationsLeft(uint256)": "{0} announced callbacks never came",
    "UnexpectedCallback(address,bytes4)": "{0} made the callback {1}, which was not announced",
    "WrongInitiator(address)": "the callback was started by {0}",
    "WrongData(address,bytes4)": "{0} made the callback {1} with other data than announced",
    "TipFailed(address,uint256)": "the coinbase {0} could not be paid {1} wei",
    "BalanceLost(address,uint256,uint256)": "the balance of {0} fell from {1} to {2}",
    "NotEnoughProfit(uint256,uint256)": "profit {0} is below the least, {1}",
    "NativeTransferFailed(address,uint256)": "{0} could not be sent {1} wei",
    "WrongTerms()": "the auction's terms differ from those the operator signed",
    "UnknownOperation(uint256)": "the program has an unknown operation or amount, {0}",
    "ProgramOverrun()": "the program's last operation is cut off",
    "PatchOutOfRange(uint256)": "offset {0} is outside the call's data",
    "NoSelector()": "a call's data is shorter than a selector",
    "NoCode(address)": "{0} has no code",
    "NotInCallback()": "the operation makes sense in a callback only",
    "NothingKept(uint256)": "no returned word {0} was kept",
    "PaysTooMuch(uint256,uint256)": "asked to pay {0}, at most {1} was announced",
    "NotLiquidatable(address,uint256)": "the condition on {0} is not met, it reads {1}",
    "NotEnoughGas(uint256,uint256)": "{0} gas left, an item was promised {1}",
    "BannedSelector(bytes4)": "{0} moves or promises tokens and cannot be listed",
    "BadRule(address,bytes4)": "the rule for {0}, {1} contradicts itself",
    "TooManyPinned()": "too many tokens are pinned",
    "NotAllowed(address,bytes4)": "{0} with selector {1} is not on the allow-list",
    "NoSpender(address,bytes4)": "no spender is listed with {0}, {1}",
    "NotListed(address)": "the token {0} is not listed",
    "UnknownFactory(address)": "the factory {0} is not listed",
    "ReadFailed(address)": "the token {0} does not answer",
    "NotWatched(address)": "the token {0} is not watched by the program",
    "TransferFailed(address,address,uint256)": "token {0}: sending {1} {2} base units failed",
    "ApproveFailed(address,address,uint256)": "token {0}: allowing {1} {2} base units failed",
    "NotExecutor(address)": "{0} is not the vault's executor",
    "LoanOpen()": "the vault is already lending",
    "AboveCap(address,uint256,uint256)": "vault: {1} of {0} is above the cap {2}",
    "NotRepaid(address,uint256,uint256)": "vault: {1} of {0} came back, {2} was expected",
}
_ALL_MEANINGS: Final = {**TOKEN_MEANINGS, **_MEANINGS}
_BY_SELECTOR: Final = {keccak(text=signature)[:4]: signature for signature in _ALL_MEANINGS}
_PANICS: Final = {0x01: "assertion", 0x11: "overflow", 0x12: "division by zero", 0x32: "index out of bounds"}


def explain_revert(data: bytes) -> str:
    """Put a revert of the executor, its vault or a token in words; a protocol's own is hex, for its adapter."""
    selector, body = data[:4], data[4:]
    signature = _BY_SELECTOR.get(selector)

    if signature is not None:
        types = [kind for kind in signature.partition("(")[2].rstrip(")").split(",") if kind]

        if len(body) >= 32 * len(types):
            shown = [_show(kind, body[32 * i : 32 * i + 32]) for i, kind in enumerate(types)]
            return f"{signature.partition('(')[0]}: {_ALL_MEANINGS[signature].format(*shown)}"

    if selector == keccak(text="Error(string)")[:4] and len(body) >= 64:
        length = int.from_bytes(body[32:64], "big")
        return "".join(chr(c) if 32 <= c < 127 else f"\\x{c:02x}" for c in body[64 : 64 + min(length, 512)])

    if selector == keccak(text="Panic(uint256)")[:4] and len(body) >= 32:
        code = int.from_bytes(body[:32], "big")
        return f"panic {code:#04x} ({_PANICS.get(code, 'unnamed')})"

    return f"0x{data.hex()}" if data else "reverted without a reason"


def explains(data: bytes) -> bool:
    """Tell whether a revert is the executor's, its vault's or a token's, rather than a protocol's."""
    return data[:4] in _BY_SELECTOR


def _show(kind: str, word: bytes) -> str:
    if kind == "address":
        return to_checksum(Address(word[12:]))

    return f"0x{word[:4].hex()}" if kind == "bytes4" else str(int.from_bytes(word, "big"))
