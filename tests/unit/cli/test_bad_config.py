"""Started on a broken configuration the keeper ends at once: one message, file and line, what to do, no secret."""

import socket

import pytest

from keeper.errors import ChainError, ConfigError, SigningKeyError
from tests.unit.cli.terminal import keeper
from tests.unit.config.sample import GOOD, changed

SECRETS = ("canary", "hunter2", "Traceback")
KEYS = 'keystore = "operator.json"'
BROKEN = [
    # what stands in the file instead of what, where the message points, what it says
    ("id = 1", "idd = 1", "keeper.toml:2: [chain] idd: unknown key", 'did you mean "id"?'),
    ("6Cc2", "6CC2", "keeper.toml:4: [chain] wrapped_native: 0xC02a", "the right spelling is 0xC02a"),
    ('"aave_v3"', '"aave_v4"', 'keeper.toml:19: [[deployment]] #1 adapter: unknown adapter "aave_v4"', '"aave_v3"'),
    ('"uniswap_v3"', '"uniswp_v3"', 'keeper.toml:24: [[venue]] #1 kind: unknown kind "uniswp_v3"', '"uniswap_v3"'),
    ('"5 USD"', '"5 EUR"', "keeper.toml:29: [[strategy]] #1 min_profit: unknown unit 'EUR'", '"USD" or "native"'),
    ('"5 USD"', '"5000000000000000000 native"', "keeper.toml:29: [[strategy]] #1 min_profit", "whole units, not wei"),
    ("[chain]", "[chain", "keeper.toml:1: not TOML", "as many brackets as it starts with"),
    ('["aave-core"]', '["aave"]', "keeper.toml:28: [[strategy]] #1 deployments #1: no [[deployment]]", "aave-core"),
    (KEYS, f'{KEYS}\npassphrase = "canary"', "keeper.toml:10: [keys] passphrase: a secret", "passphrase_file"),
    ('"https://user', '"https:/user', "keeper.toml:3: [chain] rpc #1: the RPC endpoint", '"wss://..."'),
    ('"https://user:hunter2', '"https://user:hunter2 ', "keeper.toml:3: [chain] rpc #1: the RPC endpoint", "a space"),
]  # fmt: skip


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize(("old", "new", "where", "hint"), BROKEN, ids=[new[:40] for _, new, _, _ in BROKEN])
def test_broken_config_ends_a_run_with_one_message_and_code_2(tmp_path, live, old, new, where, hint):
    (tmp_path / "keeper.toml").write_text(changed(old, new))
    done = keeper("run", *(["--live"] if live else []), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (ConfigError.exit_code, "")
    assert done.stderr.startswith(f"keeper: {where}")
    assert hint in done.stderr
    assert done.stderr.count("keeper.toml") == 1
    assert [secret for secret in SECRETS if secret in done.stderr] == []
    assert not (tmp_path / "keeper.db").exists()


def test_config_that_is_missing_ends_a_run_with_code_2(tmp_path):
    done = keeper("run", "--config", "nowhere.toml", cwd=tmp_path)
    assert done.returncode == ConfigError.exit_code
    assert done.stderr == "keeper: nowhere.toml: no such configuration file\n  name one with --config FILE\n"


def test_override_that_is_broken_ends_a_run_with_code_2_and_its_name(tmp_path):
    (tmp_path / "keeper.toml").write_text(GOOD)
    done = keeper("run", cwd=tmp_path, environ={"KEEPER__KEYS__PASSPHRASE": "canary"})
    assert done.returncode == ConfigError.exit_code
    assert done.stderr.startswith("keeper: environment variable KEEPER__KEYS__PASSPHRASE: [keys] passphrase: a secret")
    assert "canary" not in done.stderr


@pytest.mark.parametrize(
    ("text", "files", "said"),
    [
        (GOOD, (), 'keeper.toml:9: [keys] keystore: no such file\n  make one with "keeper keys new"'),
        (
            changed(KEYS, f'{KEYS}\npassphrase_file = "hunter2"'),
            ("operator.json",),
            "keeper.toml:10: [keys] passphrase_file: no such file\n  write the passphrase to a file",
        ),
    ],
)
def test_key_file_that_is_missing_ends_a_run_with_code_3(tmp_path, text, files, said):
    (tmp_path / "keeper.toml").write_text(text)
    for name in files:
        (tmp_path / name).write_text("{}")

    done = keeper("run", "--live", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (SigningKeyError.exit_code, "")
    assert done.stderr.startswith(f"keeper: {said}")
    assert [secret for secret in SECRETS if secret in done.stderr] == []


@pytest.mark.parametrize("verb", [["run", "--until-idle", "1"], ["positions"], ["explain", "0x" + "11" * 20]])
def test_node_that_does_not_answer_ends_every_verb_with_code_4(tmp_path, verb):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]

    text = changed("https://user:hunter2@node.example:8545", f"http://user:hunter2@127.0.0.1:{port}")
    (tmp_path / "keeper.toml").write_text(text)
    (tmp_path / "operator.json").write_text(f'{{"version": 3, "address": "{"11" * 20}"}}')
    done = keeper(*verb, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (ChainError.exit_code, "")
    assert f"127.0.0.1:{port}" in done.stderr.splitlines()[-1]
    assert [secret for secret in SECRETS if secret in done.stderr] == []
