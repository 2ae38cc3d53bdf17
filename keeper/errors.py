"""The tree of errors: everything the keeper raises on purpose is a `KeeperError`.

An expected "no" is not an error but a value (`keeper.types.Declined`). Data rides as attributes, so that a handler
can act on it and a log line can show it; `exit_code` is what the command line returns (see `docs/operator-guide.md`).
"""

from typing import ClassVar


class KeeperError(Exception):
    """Anything the keeper itself decided cannot go on; carries a message a person can act on."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, **data: object) -> None:
        """Keep the message for people and the data for handlers and logs."""
        super().__init__(message)
        self.message = message
        self.data = data


class ConfigError(KeeperError):
    """The configuration cannot be used; the message names file, line or flag, and what was expected."""

    exit_code = 2


class SigningKeyError(KeeperError):
    """A key cannot be opened or may not be used: missing keystore, wrong passphrase, delegated account."""

    exit_code = 3


class SignerError(SigningKeyError):
    """The signer will not sign this now, by its own count or rules; the next thing it is asked for it may."""


class SignerAwayError(SignerError):
    """The signer cannot be asked, or cannot be believed: nothing is signed until that changes."""


class ChainError(KeeperError):
    """The node could not give an answer that can be relied on."""

    exit_code = 4


class RpcError(ChainError):
    """One request failed: transport, limit or a node's own error; never a revert, which is an answer."""


class ReorgError(ChainError):
    """A block we read at is no longer canonical; the pass is dropped and the state reread."""


class ExecutorError(KeeperError):
    """The executor contract is missing, not ours, or not wired for this configuration."""

    exit_code = 5


class StateError(KeeperError):
    """Our state cannot be trusted; the deployment stops until it is reread."""

    exit_code = 6


class DriftError(StateError):
    """Our state differs from the chain's."""


class DecodeError(StateError):
    """An answer or a log has another shape than the protocol promises."""


class JournalError(KeeperError):
    """The journal cannot be written or read; nothing is signed."""

    exit_code = 7


class SubmissionError(KeeperError):
    """A signed transaction was refused by the channel it was given to."""

    exit_code = 8
