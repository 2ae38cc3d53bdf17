"""The environment stands above the file, and is held to the same rules."""

import pytest

from keeper.config.model import FixedBid
from tests.unit.config.sample import GOOD, changed, load, refusal


def test_override_of_a_key_stands_above_the_file(tmp_path):
    environ = {
        "KEEPER__RUN__LIVE": "false",
        "KEEPER__STRATEGY__0__MIN_PROFIT": "7 USD",
        "KEEPER__STRATEGY__0__BID__TIP_WEI": "9",
        "KEEPER__EXECUTOR__ADDRESS": f"0x{'33' * 20}",
        "KEEPER__ASSETS__TRUSTED": f'["0x{"44" * 20}"]',
        "KEEPERS__RUN__LIVE": "nonsense",
        "KEEPER_CONFIG": "elsewhere.toml",
    }
    config = load(tmp_path, GOOD, environ).config
    assert config.run.live is False
    assert config.strategies[0].min_profit.amount == 7 * 10**18
    assert config.strategies[0].bid == FixedBid(tip_wei=9)
    assert config.executor.address == b"\x33" * 20
    assert config.assets.trusted == (b"\x44" * 20,)


def test_override_adds_a_table_the_file_leaves_out(tmp_path):
    config = load(tmp_path, changed("[run]\nlive = true\n", ""), {"KEEPER__RUN__LIVE": "true"}).config
    assert config.run.live is True


def test_override_of_rpc_takes_several_endpoints(tmp_path):
    config = load(tmp_path, GOOD, {"KEEPER__CHAIN__RPC": "http://a:1, ws://b:2"}).config
    assert [url.reveal() for url in config.chain.rpc] == ["http://a:1", "ws://b:2"]


def test_override_ending_in_file_reads_the_value_from_it(tmp_path):
    secret = tmp_path / "rpc.txt"
    secret.write_text("https://node.example/v2/canary\nws://b:2\n")
    config = load(tmp_path, GOOD, {"KEEPER__CHAIN__RPC_FILE": str(secret)}).config
    assert [url.reveal() for url in config.chain.rpc] == ["https://node.example/v2/canary", "ws://b:2"]


def test_override_of_a_key_that_itself_ends_in_file_sets_it(tmp_path):
    config = load(tmp_path, GOOD, {"KEEPER__KEYS__PASSPHRASE_FILE": "/run/passphrase"}).config
    assert str(config.keys.passphrase_file) == "/run/passphrase"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("KEEPER__RUN__LIVE", "yes", "[run] live: expected true or false"),
        ("KEEPER__RUN__LIV", "true", 'did you mean "live"?'),
        ("KEEPER__RNU__LIVE", "true", 'did you mean "run"?'),
        ("KEEPER__LIVE", "true", "expected KEEPER__TABLE__KEY"),
        ("KEEPER__RUN__", "true", "expected KEEPER__TABLE__KEY"),
        ("KEEPER__STRATEGY__1__MIN_PROFIT", "1 USD", "leads nowhere"),
        ("KEEPER__STRATEGY__MIN_PROFIT", "1 USD", "leads nowhere"),
        ("KEEPER__CHAIN__ID__DEEPER", "1", "leads nowhere"),
        ("KEEPER__CHAIN__RPC_FILE", "/canary/not/there", "cannot be read as text"),
        ("KEEPER__KEYS__PASSPHRASE", "canary", "a secret does not belong"),
        ("KEEPER__ASSETS__TRUSTED", "[canary", "expected a list"),
    ],
)
def test_override_that_is_wrong_is_refused_by_name_and_without_its_value(tmp_path, name, value, said):
    message = refusal(tmp_path, GOOD, {name: value})
    assert message.startswith(f"environment variable {name}: ")
    assert said in message
    assert "canary" not in message
