import json

import pytest

from keeper.cli.entry import run
from keeper.config.fingerprint import fingerprint
from keeper.config.load import load_config
from keeper.config.show import as_toml, schema, settings

TEXT = """\
[chain]
preset = "ethereum"
rpc = ["http://user:hunter2@127.0.0.1:8545/hunter3"]

[assets]
trusted = ["WETH"]

[[deployment]]
preset = "aave_v3_ethereum"

[[deployment]]
name = "morpho"
adapter = "morpho_blue"
morpho = "0xBBBBBbbBBb9cC5e90e3b3Af64bdAF62C37EEFFCb"

[[strategy]]
name = "careful"
deployments = ["aave_v3_ethereum", "morpho"]
min_profit = "0.004 native"
margin_call_health = "1.07"
bid = { kind = "profit_share", share_bps = 4000 }
"""


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "keeper.toml"
    file.write_text(TEXT)
    return file


def test_what_is_shown_is_a_configuration_that_decides_the_same(path, tmp_path):
    loaded = load_config(path, {})
    again = tmp_path / "again.toml"
    again.write_text(as_toml(settings(loaded)))

    assert fingerprint(load_config(again, {}).config) == fingerprint(loaded.config)


def test_every_setting_says_where_it_came_from(path):
    found = {
        setting.row()["key"]: setting.row() for setting in settings(load_config(path, {"KEEPER__RUN__LIVE": "true"}))
    }

    assert found["[run] live"] == {
        "key": "[run] live",
        "value": "true",
        "from": "environment variable KEEPER__RUN__LIVE",
    }
    assert found["[chain] id"]["from"] == f'preset "ethereum", {path}:2'
    assert found["[chain] confirmations"]["from"] == "default"
    assert found["[[strategy]] #1 margin_call_health"] == {
        "key": "[[strategy]] #1 margin_call_health",
        "value": '"1.07"',
        "from": f"{path}:20",
    }
    assert found["[[strategy]] #1 bid.share_bps"]["value"] == "4000"


def test_no_endpoint_is_shown_whole(path):
    assert "hunter" not in as_toml(settings(load_config(path, {})))


def test_schema_names_every_table_and_allows_no_other():
    found = schema()

    assert {"chain", "assets", "deployment", "strategy"} <= set(found["properties"])
    assert found["additionalProperties"] is False


@pytest.mark.parametrize("verb", [("show",), ("show", "--json"), ("check",), ("check", "--json"), ("schema",)])
def test_verbs_end_well_on_a_good_file(verb, path, capsys):
    arguments = ["config", *verb] + ([] if verb[0] == "schema" else ["--config", str(path)])

    assert run(arguments) == 0
    out = capsys.readouterr().out
    assert out
    if "--json" in verb or verb[0] == "schema":
        json.loads(out.splitlines()[0] if verb[0] == "show" else out)


def test_check_refuses_with_the_line_and_exit_code_2(path, capsys):
    path.write_text(TEXT.replace('hunter3"]', 'hunter3"]\nid = 5'))

    assert run(["config", "check", "--config", str(path)]) == 2
    assert f"{path}:" in capsys.readouterr().err
