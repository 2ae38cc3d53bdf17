"""Encrypted keystores (V3 JSON): made, imported, shown and opened; a key never appears in text.

A passphrase comes from a file or from a prompt the caller makes, never from an argument or a plain variable: those are
visible to other processes.
"""

import ctypes
import json
import os
import resource
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from keeper.errors import SigningKeyError
from keeper.types import Address

if TYPE_CHECKING:
    from eth_account import Account
    from eth_account.signers.local import LocalAccount

SCRYPT_N: Final = 2**18
"""The work a guess at the passphrase costs: about a second, and 256 MB of memory."""

_PR_SET_DUMPABLE: Final = 4

log = structlog.get_logger(__name__)


def create_keystore(path: Path, passphrase: str, *, scrypt_n: int = SCRYPT_N) -> Address:
    """Make a new key from the system's entropy, write it encrypted, and return its address.

    `SigningKeyError` where the file exists (a keystore is never overwritten), or the passphrase is empty.
    """
    return _write(path, os.urandom(32), passphrase, scrypt_n)


def import_keystore(path: Path, private_key: str, passphrase: str, *, scrypt_n: int = SCRYPT_N) -> Address:
    """Write an existing private key (64 hex digits, with or without 0x) encrypted, and return its address."""
    digits = private_key.strip().removeprefix("0x")
    if len(digits) != 64 or any(c not in "0123456789abcdefABCDEF" for c in digits):
        raise SigningKeyError("not a private key: expected 64 hex digits, with or without 0x")

    return _write(path, bytes.fromhex(digits), passphrase, scrypt_n)


def read_address(path: Path) -> Address:
    """Return the address a keystore names, without opening it."""
    address = _read(path).get("address", "")
    digits = address.removeprefix("0x") if isinstance(address, str) else ""
    if len(digits) != 40 or any(c not in "0123456789abcdefABCDEF" for c in digits):
        raise SigningKeyError(f"{path} does not name its address: open it with its passphrase instead", path=str(path))

    return Address(bytes.fromhex(digits))


def open_keystore(path: Path, passphrase: str) -> "LocalAccount":
    """Decrypt a key; `SigningKeyError` names the file, never the passphrase."""
    keystore = _read(path)
    _warn_if_shared(path)
    try:
        key = _account().decrypt(keystore, passphrase)
    except ValueError:
        # `from None`: the library's error may quote what it was given.
        raise SigningKeyError(f"{path}: wrong passphrase, or the keystore is damaged", path=str(path)) from None
    except (KeyError, TypeError, AttributeError, NotImplementedError):
        raise SigningKeyError(f"{path} is not a V3 keystore the keeper can read", path=str(path)) from None

    account: LocalAccount = _account().from_key(key)
    named = keystore.get("address")
    if isinstance(named, str) and named.removeprefix("0x").lower() != account.address.removeprefix("0x").lower():
        raise SigningKeyError(f"{path} holds the key of {account.address}, but names another address", path=str(path))

    return account


def hide_memory() -> None:
    """Leave no core dump and let no other process of this user look in: the key is in this memory.

    Best effort: root can look all the same, and Python keeps copies that nothing wipes.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        log.warning("memory_not_hidden", errno=ctypes.get_errno())


def read_passphrase(path: Path) -> str:
    """Read a passphrase from the first line of a file."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SigningKeyError(
            f"cannot read the passphrase file {path}: {error.strerror}; name it in [keys] passphrase_file",
            path=str(path),
        ) from error
    except UnicodeDecodeError:
        raise SigningKeyError(f"the passphrase file {path} is not text", path=str(path)) from None

    if not lines or not lines[0]:
        raise SigningKeyError(f"the passphrase file {path} is empty: its first line is the passphrase", path=str(path))

    _warn_if_shared(path)
    return lines[0]


def _account() -> "Account":
    """Load the library when a key is at hand: it brings half a second of curves that looking and dry runs never use."""
    from eth_account import Account  # noqa: PLC0415  # late on purpose, as said above

    return Account()


def _write(path: Path, key: bytes, passphrase: str, scrypt_n: int) -> Address:
    if not passphrase:
        raise SigningKeyError("an empty passphrase protects nothing: choose one")

    try:
        account: LocalAccount = _account().from_key(key)
    except ValueError:
        raise SigningKeyError("not a private key: outside the curve's range") from None

    keystore = _account().encrypt(key, passphrase, kdf="scrypt", iterations=scrypt_n)
    try:
        # Created for the owner alone from the first byte, and never in place of another keystore.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise SigningKeyError(f"{path} exists: a keystore is never overwritten, name another file") from None
    except OSError as error:
        raise SigningKeyError(f"cannot write {path}: {error.strerror}", path=str(path)) from error

    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(keystore, file)
        file.flush()
        os.fsync(descriptor)

    return Address(bytes.fromhex(account.address.removeprefix("0x")))


def _read(path: Path) -> dict[str, Any]:
    try:
        keystore = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SigningKeyError(
            f'cannot read the keystore {path}: {error.strerror}; "keeper keys new" makes one', path=str(path)
        ) from error
    except ValueError:
        raise SigningKeyError(f"{path} is not a keystore: expected V3 JSON", path=str(path)) from None

    if not isinstance(keystore, dict) or keystore.get("version") != 3:
        raise SigningKeyError(f"{path} is not a V3 keystore", path=str(path))

    return keystore


def _warn_if_shared(path: Path) -> None:
    """Say it when others may read a secret; systemd and some container mounts leave no choice, so it goes on."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        log.warning("secret_file_shared", path=str(path), mode=f"{mode:04o}", advice="chmod 600")
