"""A configuration that is right is read in the keeper's own units."""

import dataclasses

import pytest

from keeper.app.wiring import bid_policy
from keeper.config.fingerprint import decisive_json, fingerprint, from_decisive_json
from keeper.config.model import ExpectedValueBid, FixedBid, ProfitShareBid
from keeper.execution.auction import ExpectedValue
from keeper.types import parse_address, to_checksum
from tests.canary import TOKEN
from tests.unit.config.sample import GOOD, changed, load


def test_config_that_is_right_is_read_in_the_keepers_units(tmp_path):
    config = load(tmp_path, GOOD).config
    assert config.chain.id == 1
    assert config.chain.wrapped_native == parse_address("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2")
    assert [url.reveal() for url in config.chain.rpc] == [
        f"https://user:hunter2@node.example:8545/v2/{TOKEN}?key={TOKEN}"
    ]
    assert config.run.live is True
    assert config.run.journal == tmp_path / "keeper.db"
    assert config.keys.keystore == tmp_path / "operator.json"
    assert config.deployments[0].start_block == 16_291_127
    assert (config.strategies[0].min_profit.amount, config.strategies[0].bid) == (5 * 10**18, FixedBid())
    assert config.strategies[0].margin_call_health_wad == 1_050_000_000_000_000_000


def test_config_without_optional_tables_has_safe_defaults(tmp_path):
    text = changed('[run]\nlive = true\n[keys]\nkeystore = "operator.json"\n', "")
    config = load(tmp_path, text).config
    assert (config.run.live, config.keys) == (False, None)
    assert config.run.journal == tmp_path / "keeper.db"


def test_multicall3_default_is_the_address_it_has_on_every_chain(tmp_path):
    assert to_checksum(load(tmp_path, GOOD).config.chain.multicall3) == "0xcA11bde05977b3631167028862bE2a173976CA11"


def test_bid_as_profit_share_takes_its_own_keys(tmp_path):
    bid = '{ kind = "profit_share", share_bps = 9000, max_fee_per_gas_wei = "200000000000" }'
    config = load(tmp_path, changed('{ kind = "fixed" }', bid)).config
    assert config.strategies[0].bid == ProfitShareBid(
        kind="profit_share", share_bps=9_000, max_fee_per_gas_wei=200 * 10**9
    )


def test_bid_by_expected_value_takes_its_own_keys(tmp_path):
    config = load(tmp_path, changed('{ kind = "fixed" }', '{ kind = "expected_value", max_share_bps = 8000 }')).config
    assert config.strategies[0].bid == ExpectedValueBid(
        kind="expected_value", start_share_bps=5_000, max_share_bps=8_000
    )
    assert bid_policy(config.strategies[0]).tip == ExpectedValue(start_share_bps=5_000, max_share_bps=8_000)


def test_config_is_frozen(tmp_path):
    config = load(tmp_path, GOOD).config
    with pytest.raises(ValueError, match="frozen"):
        config.run.live = False


def test_fingerprint_changes_with_a_setting_that_decides_and_only_then(tmp_path):
    first = fingerprint(load(tmp_path, GOOD).config)
    assert fingerprint(load(tmp_path, GOOD + "\n# a comment\n").config) == first
    assert fingerprint(load(tmp_path, changed("node.example", "other.example")).config) == first
    assert fingerprint(load(tmp_path, GOOD, {"KEEPER__STRATEGY__0__MIN_PROFIT": "6 USD"}).config) != first


def test_config_written_as_its_decisions_reads_back_the_same(tmp_path):
    text = changed('"5 USD"', '"0.004 native"\nmargin_call_health = "1.1"\ntake_bad_debt = true')
    config = load(tmp_path, text).config
    back = from_decisive_json(decisive_json(config))
    same = {"chain": config.chain.model_copy(update={"rpc": back.chain.rpc}), "keys": None, "run": back.run}
    assert back == config.model_copy(update=same)
    assert "canary" not in decisive_json(config)


def test_loaded_config_rendered_shows_no_secret(tmp_path):
    loaded = load(tmp_path, GOOD)
    assert "node.example" in repr(loaded)
    assert "canary" not in repr(loaded)
    assert "hunter2" not in repr(dataclasses.asdict(loaded.places)) + str(loaded.config.model_dump())


WETH = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"
USDC = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
VAULT = f'[[lender]]\nname = "ours"\nkind = "vault"\naddress = "0x{"33" * 20}"\n'
UNUSED = f'[[deployment]]\nname = "b"\nadapter = "aave_v3"\naddresses_provider = "0x{"22" * 20}"\n'


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"5 USD"', '"0 USD"', "keeper.toml:29: [[strategy]] #1 min_profit: zero, after gas"),
        (USDC, WETH, "same token twice"),
        (
            "[executor]",
            '[governor]\nmax_loss_per_day = "0 USD"\n[executor]',
            "keeper.toml:11: [governor] max_loss_per_day",
        ),
        ("[executor]", '[governor]\nmax_drawdown = "0 USD"\n[executor]', "the gas of a single miss"),
        ("[executor]", '[governor]\ngas_budget_per_day = "21 native"\n[executor]', "below gas_budget_per_day"),
        ('kind = "fixed"', 'kind = "fixed", tip_wei = 0', "refuse a transaction without a tip"),
        ('kind = "fixed"', 'kind = "profit_share", share_bps = 10000', "all of the profit"),
        ('"5 USD"', '"5 USD"\nfunding = ["flash_loan", "inventory"]', 'without a [[lender]] of kind "vault"'),
        ("[[strategy]]", f"{VAULT}[[strategy]]", "[[lender]] #1 kind: no strategy may use it"),
        (GOOD[GOOD.index("[[venue]]") : GOOD.index("[[strategy]]")], "", "collateral cannot be sold"),
        ("[[venue]]", f"{UNUSED}[[venue]]", 'no strategy works on "b"'),
    ],
)
def test_config_that_is_legal_but_doubtful_is_read_with_a_warning(tmp_path, old, new, said):
    (warning,) = load(tmp_path, changed(old, new)).warnings
    assert said in warning.replace(f"{tmp_path}/", "")


def test_config_that_is_right_has_no_warnings(tmp_path):
    assert load(tmp_path, GOOD).warnings == ()
