"""The file of `keeper signer`: its own policy, which no configuration of the keeper can widen.

Flat, and read by the same rules as the keeper's: an unknown key, a wrong unit or a missing value is refused by line.
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field, StrictInt, StringConstraints, ValidationError

from keeper.config.adapters import Section
from keeper.config.governor import GasMoney
from keeper.config.keys import CredentialName
from keeper.config.lines import index_lines
from keeper.config.load import parse_toml, read_text
from keeper.config.model import FeeCapWei
from keeper.config.problems import Places, raise_problems
from keeper.config.translate import problems_of
from keeper.config.values import AddressText, ConfigPath, Money, MoneyUnit
from keeper.units import GWEI, WAD


class TypedDataRule(Section):
    """`[[typed_data]]`: one kind of EIP-712 message that may be signed."""

    contract: AddressText
    """The contract that checks it (`verifyingContract`)."""
    type: Annotated[str, StringConstraints(min_length=3, max_length=4_000)]
    """Its type spelled as `encodeType` does: `Mail(Person from,string contents)Person(string name)`."""


class SignerConfig(Section):
    """Everything the signer decides by."""

    keystore: ConfigPath
    """The operator key's encrypted keystore; only the signer's user need be able to read it."""
    passphrase_file: ConfigPath | None = None
    """File with the passphrase on its first line; asked for at a terminal when left out."""
    passphrase_credential: CredentialName | None = None
    """Instead of a file: the name of a systemd credential with the passphrase."""
    socket: ConfigPath
    """Where it listens; the keeper's `[keys] signer` names it as `ipc:///...`."""
    client_uids: Annotated[tuple[Annotated[StrictInt, Field(ge=0)], ...], Field(max_length=16)] = ()
    """User ids that may ask besides its own, by the kernel's word; none, unless the keeper runs as another user."""
    chain_id: Annotated[StrictInt, Field(ge=1, le=2**63 - 1)]
    """The one chain it signs for."""
    executors: Annotated[tuple[AddressText, ...], Field(min_length=1, max_length=16)]
    """Contracts whose `execute` may be called; nothing else is, but transfers of nothing to itself."""
    max_fee_per_gas_wei: FeeCapWei = 500 * GWEI
    """The most per gas a call may offer; a cancel may offer four times as much for its 21,000 gas."""
    budget_per_day: GasMoney = Money(20 * WAD, MoneyUnit.NATIVE)
    """What all it signs in a day may cost at the worst, all gas at the full fee: far above what is really paid."""
    max_signatures_per_minute: Annotated[StrictInt, Field(ge=1, le=100_000)] = 240
    """Signatures of a minute; 240 is twice what the keeper's own governor lets be planned."""
    count_file: ConfigPath
    """Where it keeps what it signed in the last day, so that a restart does not refill the budget."""
    switch_file: ConfigPath
    """The keeper's switch: after `keeper kill` it signs nothing."""
    typed_data: tuple[TypedDataRule, ...] = ()
    """Messages it may sign; none by default."""


def load_signer_config(path: Path) -> SignerConfig:
    """Read and check the file; `ConfigError` names file and line."""
    text = read_text(path)
    document = parse_toml(path, text)
    try:
        return SignerConfig.model_validate(document, context={"base_dir": path.absolute().parent})
    except ValidationError as error:
        raise_problems(problems_of(error, SignerConfig), Places(str(path), index_lines(text), {}))
        raise  # unreachable while pydantic reports at least one problem
