"""Where keys are, and how they may not be: the `[keys]` and `[[lane]]` tables, and the limits beside them."""

import pytest

from keeper.app.keys import address_of, open_signers, passphrase, refuse_shared_roles
from keeper.config.derived import switch_path, thresholds
from keeper.errors import SigningKeyError
from keeper.execution.keys import create_keystore, read_address
from keeper.types import Address, to_checksum
from keeper.units import USD, WAD
from tests.canary import PASSPHRASE, plant
from tests.unit.config.sample import GOOD, changed, load, refusal

KEYS = '[keys]\nkeystore = "operator.json"\n'
ADDRESS = to_checksum(Address(b"\x11" * 20))


def keys(*lines):
    return changed(KEYS, "[keys]\n" + "\n".join(lines) + "\n")


@pytest.fixture
def stores(tmp_path):
    """Three keystores and their passphrase."""
    for name in ("operator", "second", "relay"):
        create_keystore(tmp_path / f"{name}.json", PASSPHRASE, scrypt_n=2**4)

    (tmp_path / "passphrase").touch(mode=0o600)
    plant(tmp_path / "passphrase").write_text(f"{PASSPHRASE}\n")
    return tmp_path


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((), "keeper.toml:8: [keys]: needs a keystore or a signer"),
        (('keystore = "a.json"', 'signer = "ipc:///s"', f'address = "{ADDRESS}"'), "one of them"),
        (('signer = "ipc:///s"',), "whose key it is is not said"),
        (('signer = "wss://host"', f'address = "{ADDRESS}"'), "not a way to a signer"),
        (('keystore = "a.json"', 'passphrase_file = "p"', 'passphrase_credential = "p"'), "beside passphrase_file"),
        (('passphrase = "hunter2"', 'keystore = "a.json"'), "passphrase"),
    ],
)
def test_unclear_keys_are_refused(tmp_path, lines, words):
    told = refusal(tmp_path, keys(*lines))
    assert words in told
    assert "hunter2" not in told


def test_a_lane_without_a_first_key_or_with_the_same_one_is_refused(tmp_path):
    lane = '\n[[lane]]\nkeystore = "operator.json"\n'
    assert "no first one" in refusal(tmp_path, changed(KEYS, "") + lane)
    assert "a key of its own" in refusal(tmp_path, GOOD + lane)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('gas_budget_per_day = "5 USD"', "the chain's own token"),
        ('max_drawdown = "1 native"', "counted in dollars"),
        ("max_consecutive_reverts = 0", "at least 1"),
    ],
)
def test_limits_in_the_wrong_unit_are_refused(tmp_path, line, words):
    assert words in refusal(tmp_path, f"{GOOD}\n[governor]\n{line}\n")


def test_limits_are_taken_as_written(tmp_path):
    config = load(tmp_path, GOOD + '\n[governor]\nmax_loss_per_day = "7 USD"\nswitch_file = "stop"\n').config
    limits = thresholds(config.governor)
    assert (limits.max_loss_usd, limits.gas_budget_wei) == (7 * USD, WAD)
    assert switch_path(config) == tmp_path / "stop"
    assert switch_path(load(tmp_path, GOOD).config) == tmp_path / "keeper.db.switch"


def test_every_key_is_opened_in_the_order_given(stores):
    text = keys('keystore = "operator.json"', 'passphrase_file = "passphrase"')
    lane = '\n[[lane]]\nkeystore = "second.json"\npassphrase_file = "passphrase"\n'
    signers = open_signers(load(stores, text + lane).config)
    assert [signer.address for signer in signers] == [
        read_address(stores / f"{n}.json") for n in ("operator", "second")
    ]


def test_a_passphrase_comes_from_a_credential_of_the_service(stores, monkeypatch):
    config = load(stores, keys('keystore = "operator.json"', 'passphrase_credential = "passphrase"')).config
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(SigningKeyError, match="LoadCredential=passphrase"):
        passphrase(config.keys)

    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(stores))
    assert passphrase(config.keys) == PASSPHRASE


def test_an_address_beside_a_keystore_must_be_its_own(stores):
    config = load(stores, keys('keystore = "operator.json"', f'address = "{ADDRESS}"')).config
    with pytest.raises(SigningKeyError, match=f"the configuration {ADDRESS}"):
        address_of(config.keys)


def test_an_operator_is_nothing_else(stores):
    operator = read_address(stores / "operator.json")
    config = load(stores, keys('keystore = "operator.json"', 'relay_keystore = "relay.json"')).config
    refuse_shared_roles(config, {"the executor's owner": Address(b"\x11" * 20)})
    with pytest.raises(SigningKeyError, match="is an operator and the executor's owner too"):
        refuse_shared_roles(config, {"the executor's owner": operator})

    config = load(stores, keys('keystore = "operator.json"', 'relay_keystore = "operator.json"')).config
    with pytest.raises(SigningKeyError, match="is an operator and the relay key too"):
        refuse_shared_roles(config, {})
