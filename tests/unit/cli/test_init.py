import json

import pytest

from keeper.cli.entry import run
from keeper.config.draft import chains
from keeper.config.load import load_config


@pytest.mark.parametrize("chain", chains())
def test_every_chain_shipped_gets_a_configuration_that_loads(chain, tmp_path, capsys):
    out = tmp_path / "keeper.toml"

    assert run(["init", "--yes", "--chain", chain, "--out", str(out), "--json"]) == 0

    config = load_config(out, {}).config
    assert config.run.live is False
    assert config.chain.preset == chain
    assert config.strategies[0].deployments == tuple(table.name for table in config.deployments)
    assert json.loads(capsys.readouterr().out) == {"config": str(out), "operator": None}
    assert out.stat().st_mode & 0o077 == 0


def test_flags_say_everything_and_a_key_is_made(tmp_path, capsys):
    out, passphrase, keystore = (tmp_path / name for name in ("k.toml", "passphrase", "operator.json"))
    passphrase.write_text("correct horse\n")
    passphrase.chmod(0o600)
    arguments = ["init", "--yes", "--out", str(out), "--chain", "base", "--rpc", "http://127.0.0.1:1", "--rpc"]
    arguments += ["ws://127.0.0.1:2", "--deployment", "aave_v3_base", "--trusted", "WETH", "--min-profit", "9 USD"]
    arguments += ["--max-fee", "3 gwei", "--keystore", str(keystore), "--passphrase-file", str(passphrase), "--json"]

    assert run(arguments) == 0

    config = load_config(out, {}).config
    assert json.loads(capsys.readouterr().out)["operator"].startswith("0x")
    assert keystore.exists()
    assert (len(config.chain.rpc), len(config.assets.trusted)) == (2, 1)
    assert [table.name for table in config.deployments] == ["aave_v3_base"]
    assert config.strategies[0].bid.max_fee_per_gas_wei == 3 * 10**9
    assert config.keys.keystore == keystore


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--chain", "etherium"], 'did you mean "ethereum"?'),
        (["--deployment", "aave_v3_base"], "nothing is shipped for 'aave_v3_base'"),
        (["--min-profit", "5"], 'write "5 USD"'),
        (["--trusted", "WETHH"], "WETH"),
        (["--keystore", "{folder}/operator.json", "--passphrase-file", "{folder}/missing"], "missing"),
    ],
)
def test_what_cannot_be_used_is_refused_and_leaves_no_file(flags, said, tmp_path, capsys):
    out = tmp_path / "keeper.toml"

    code = run(["init", "--yes", "--out", str(out), *(flag.format(folder=tmp_path) for flag in flags)])

    assert code in (2, 3)
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_existing_file_is_never_overwritten(tmp_path, capsys):
    out = tmp_path / "keeper.toml"
    out.write_text("mine")

    assert run(["init", "--yes", "--out", str(out)]) == 2
    assert out.read_text() == "mine"
    assert "name another file with --out" in capsys.readouterr().err
