"""The corpus: how nodes and providers word their faults, and the two sorts of fault they stand for.

Add what an operator meets here, lower case, in the row it means; order matters between rows, not within one.
"""

from enum import StrEnum
from typing import Final


class FaultKind(StrEnum):
    """What a failed request means for whoever asked."""

    TRANSPORT = "transport"
    """refused, reset, closed, or a gateway's error page: ask elsewhere"""
    TIMEOUT = "timeout"
    MALFORMED = "malformed"
    """an answer that is no JSON-RPC, carries another id, or has another shape than the method promises"""
    OVERSIZED = "oversized"
    """the answer outgrew what we are willing to read: ask for less"""
    RATE_LIMITED = "rate_limited"
    TOO_WIDE = "too_wide"
    """the question asks for too much at once: ask for less"""
    REVERTED = "reverted"
    """the called contract said no: an answer"""
    HALTED = "halted"
    """the virtual machine stopped the call, for want of gas foremost: an answer"""
    UNKNOWN_BLOCK = "unknown_block"
    """orphaned, or not here yet"""
    PRUNED = "pruned"
    """the block is known, its state is gone"""
    UNSUPPORTED = "unsupported"
    NODE = "node"
    """anything else the node said"""


class Refusal(StrEnum):
    """Why a signed transaction was not taken; it may be in a pool all the same only where AMBIGUOUS."""

    NONCE_TOO_LOW = "nonce_too_low"
    """ours was mined already, or another transaction took the nonce: receipts tell"""
    UNDERPRICED = "replacement_underpriced"
    FEE_TOO_LOW = "fee_too_low"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    REJECTED = "rejected"
    """the node refused it for another reason, in the message"""
    UNREACHED = "unreached"
    """it never left: no connection, or turned away before it was read"""
    AMBIGUOUS = "ambiguous"
    """the request left and no answer came: nobody knows"""


# Looked at in this order: "query returned more than 10000 results, limit exceeded" is about width, not rate.
PHRASES: Final[tuple[tuple[FaultKind, tuple[str, ...]], ...]] = (
    (FaultKind.REVERTED, ("execution reverted", "vm exception while processing transaction: revert", "reverted 0x")),
    (
        FaultKind.UNKNOWN_BLOCK,
        (
            "header not found",
            "header for hash not found",
            "block not found",
            "unknown block",
            "could not find block",
            "block does not exist",
            "resource not found",
            "not currently canonical",
            "hash is not canonical",
            "beyond current head",
            "after last accepted block",
            "one of the blocks specified in filter",
        ),
    ),
    (
        FaultKind.PRUNED,
        (
            "missing trie node",
            "historical state",
            "state is not available",
            "state not available",
            "state not found",
            "state already pruned",
            "pruned",
            "archive node",
            "blockoutofrange",
            "proof window",
        ),
    ),
    (
        FaultKind.TOO_WIDE,
        (
            "query returned more than",
            "more than 10000 results",
            "too many results",
            "too many logs",
            "too many blocks",
            "too wide",
            "too large",
            "block range",
            "blocks range",
            "range limit",
            "max range",
            "maximum range",
            "range is too",
            "range exceeds",
            "exceeds the range",
            "exceed maximum block",
            "exceeds max results",
            "exceeds max block",
            "limited to",
            "logs matched by query exceeds",
            "response size",
            "response is too big",
            "result set",
            "result window",
            "query timeout",
            "query exceeds",
            "query takes too long",
            "execution timeout",
            "execution aborted",
            "evm timeout",
            "too many addresses",
            "addresses or topics",
            "exceed max addresses",
            "exceed max topics",
            "batch limit",
            "batch size",
            "batch too",
            "max message size",
        ),
    ),
    (
        FaultKind.RATE_LIMITED,
        (
            "rate limit",
            "ratelimit",
            "too many requests",
            "limit exceeded",
            "exceeded the free tier",
            "reached the free tier",
            "request count exceeded",
            "requests per second",
            "per second limit",
            "throughput limit",
            "compute units",
            "exceeded its compute",
            "capacity exceeded",
            "over capacity",
            "monthly capacity",
            "quota",
            "credits",
            "throttle",
            "backoff",
            "try again later",
            "upgrade your",
            "call rate",
        ),
    ),
    (
        FaultKind.HALTED,
        (
            "out of gas",
            "evm error",
            "invalid opcode",
            "bad instruction",
            "invalid jump",
            "bad jump",
            "stack underflow",
            "stack overflow",
            "stack limit reached",
            "write protection",
            "return data out of bounds",
            "gas uint64 overflow",
            "gas required exceeds",
            "intrinsic gas",
            "max call depth",
            "vm execution error",
            # Of a simulated sender: a property of the call, as much as a revert is.
            "insufficient funds",
        ),
    ),
    (
        FaultKind.UNSUPPORTED,
        ("method not found", "does not exist/is not available", "not supported", "unsupported", "not whitelisted"),
    ),
)

CODES: Final = {
    3: FaultKind.REVERTED,
    -32001: FaultKind.UNKNOWN_BLOCK,
    -32005: FaultKind.RATE_LIMITED,
    -32015: FaultKind.HALTED,
    -32016: FaultKind.RATE_LIMITED,
    -32029: FaultKind.RATE_LIMITED,
    -32097: FaultKind.RATE_LIMITED,
    -32601: FaultKind.UNSUPPORTED,
    -32700: FaultKind.MALFORMED,
    429: FaultKind.RATE_LIMITED,
}

KNOWN: Final = (
    "already known",
    "already imported",
    "known transaction",
    "alreadyknown",
    "already exists",
    "already in pool",
)
REFUSALS: Final = (
    (Refusal.NONCE_TOO_LOW, ("nonce too low", "old nonce", "nonce is too low", "oldnonce", "invalid nonce")),
    (Refusal.UNDERPRICED, ("replacement transaction underpriced", "replacementnotallowed", "could not replace")),
    (Refusal.FEE_TOO_LOW, ("less than block base fee", "underpriced", "feetoolow", "fee too low", "gas price too low")),
    (Refusal.INSUFFICIENT_FUNDS, ("insufficient funds", "insufficientfunds", "insufficient balance")),
)
