"""A preset gives what the operator left out, says so, and is right by its own form."""

import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from keeper.cli.banner import banner_facts, banner_text
from keeper.config.fingerprint import fingerprint
from keeper.config.preset_page import page
from keeper.config.presets import shipped
from keeper.types import parse_address, to_checksum
from tests.unit.config.sample import GOOD, changed, load, refusal

PAGE = Path(__file__).parents[3] / "docs" / "presets.md"
ALL = [preset for table in shipped().values() for preset in table.values()]
SHORT = """\
[chain]
preset = "ethereum"
rpc = ["http://127.0.0.1:8545"]
[assets]
trusted = ["WETH", "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"]
[[deployment]]
preset = "aave_v3_ethereum"
[[venue]]
preset = "uniswap_v3_ethereum"
[[strategy]]
name = "flash"
deployments = ["aave_v3_ethereum"]
"""


def short(old, new):
    assert old in SHORT
    return SHORT.replace(old, new, 1)


def written_out(preset):
    """A configuration with one preset of a kind, on its own chain."""
    text = SHORT.replace('"ethereum"', f'"{preset.chain}"').replace('"WETH", ', "")
    if preset.table == "chain":
        return text[: text.index("[[deployment]]")] + UNNAMED

    others = text.replace("aave_v3_ethereum", preset.name) if preset.table == "deployment" else text
    if preset.table == "venue":
        return text[: text.index("[[deployment]]")] + UNNAMED + f'[[venue]]\npreset = "{preset.name}"\n'

    return others[: others.index("[[venue]]")] + others[others.index("[[strategy]]") :]


UNNAMED = f"""\
[[deployment]]
name = "mine"
adapter = "aave_v3"
addresses_provider = "0x{"22" * 20}"
[[strategy]]
name = "flash"
deployments = ["mine"]
"""


@pytest.mark.parametrize("preset", ALL, ids=[f"{each.table}-{each.name}" for each in ALL])
def test_every_preset_gives_a_configuration_that_holds_together(tmp_path, preset):
    loaded = load(tmp_path, written_out(preset))
    used = next(each for each in loaded.presets if each.preset is preset)
    assert set(preset.values) <= set(used.keys)
    assert loaded.config.chain.id == shipped()["chain"][preset.chain].values["id"]
    assert any("not verified" in warning for warning in loaded.warnings) is not preset.verified


@pytest.mark.parametrize("preset", ALL, ids=[f"{each.table}-{each.name}" for each in ALL])
def test_every_address_of_a_preset_is_written_with_its_checksum(preset):
    addresses = [text for text in (*preset.values.values(), *preset.tokens.values()) if str(text).startswith("0x")]
    assert [text for text in addresses if len(text) == 42 and to_checksum(parse_address(text)) != text] == []
    assert addresses


def test_every_preset_names_its_sources_and_states_a_doubt_exactly_when_unverified():
    assert [each.name for each in ALL if not each.sources] == []
    assert [each.name for each in ALL if bool(each.doubt) is each.verified] == []
    assert {each.chain for each in ALL} <= set(shipped()["chain"])


def test_every_file_of_presets_holds_known_tables_only():
    texts = [file.read_text() for file in files("keeper.presets").iterdir() if file.name.endswith(".toml")]
    assert len(texts) >= 6
    assert {table for text in texts for table in tomllib.loads(text)} == {"chain", "deployment", "venue"}


def test_presets_give_what_was_left_out(tmp_path):
    config = load(tmp_path, SHORT).config
    assert (config.chain.id, config.chain.block_time_s) == (1, 12)
    assert to_checksum(config.assets.trusted[0]) == "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"
    assert to_checksum(config.deployments[0].addresses_provider) == "0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e"
    assert [table.name for table in (*config.deployments, *config.venues)] == [
        "aave_v3_ethereum",
        "uniswap_v3_ethereum",
    ]


def test_key_that_is_written_stands_above_the_preset(tmp_path):
    text = short('preset = "aave_v3_ethereum"', 'preset = "aave_v3_ethereum"\nstart_block = 17_000_000\nname = "core"')
    loaded = load(tmp_path, text.replace('deployments = ["aave_v3_ethereum"]', 'deployments = ["core"]'))
    (deployment,) = loaded.config.deployments
    assert (deployment.name, deployment.start_block, deployment.adapter) == ("core", 17_000_000, "aave_v3")
    used = next(each for each in loaded.presets if each.path == ("deployment", 0))
    assert used.keys == ("adapter", "addresses_provider")


def test_environment_stands_above_the_preset_and_may_name_one(tmp_path):
    environ = {"KEEPER__DEPLOYMENT__0__START_BLOCK": "5", "KEEPER__CHAIN__PRESET": "ethereum"}
    config = load(tmp_path, short('preset = "ethereum"\n', ""), environ).config
    assert (config.deployments[0].start_block, config.chain.id) == (5, 1)


def test_values_of_a_preset_are_placed_at_the_line_that_names_it(tmp_path):
    places = load(tmp_path, SHORT).places
    where = places.of(("deployment", 0, "addresses_provider")).replace(f"{tmp_path}/", "")
    assert where == 'preset "aave_v3_ethereum", keeper.toml:7'
    assert places.of(("deployment", 0, "preset")).endswith("keeper.toml:7")


def test_configuration_with_presets_decides_like_the_one_with_their_addresses(tmp_path):
    full = changed('name = "aave-core"', 'name = "aave_v3_ethereum"').replace('"aave-core"', '"aave_v3_ethereum"')
    named = full.replace("[[deployment]]\n", '[[deployment]]\npreset = "aave_v3_ethereum"\n')
    assert fingerprint(load(tmp_path, named).config) == fingerprint(load(tmp_path, full).config)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            short('preset = "aave_v3_ethereum"', 'preset = "aave_v3_etherium"'),
            'no deployment preset "aave_v3_etherium"\n  did you mean "aave_v3_ethereum"?',
        ),
        (
            short('preset = "ethereum"', 'preset = "etherum"'),
            'keeper.toml:2: [chain] preset: no chain preset "etherum"\n  did you mean "ethereum"?',
        ),
        (
            short('preset = "aave_v3_ethereum"', 'preset = "aave_v3_arbitrum"'),
            'keeper.toml:7: [[deployment]] #1 preset: "aave_v3_arbitrum" is on chain 42161 (arbitrum), [chain] id is 1',
        ),
        (
            short('preset = "ethereum"', 'preset = "ethereum"\nid = 5'),
            'keeper.toml:2: [chain] preset: "ethereum" is on chain 1 (ethereum), [chain] id is 5',
        ),
        (
            short('"WETH"', '"WETHH"'),
            'keeper.toml:5: [assets] trusted #1: no token is known as "WETHH"\n  did you mean "WETH"?',
        ),
        (
            changed('"0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",\n  "0xA0', '"WETH",\n  "0xA0'),
            'no token is known as "WETH"\n  name tokens by address, or write [chain] preset = "..." first',
        ),
        (
            short('preset = "aave_v3_ethereum"', 'preset = "aave_v3_ethereum"\nadapter = "morpho_blue"'),
            'preset "aave_v3_ethereum", keeper.toml:7: [[deployment]] #1 addresses_provider: unknown key',
        ),
    ],
)
def test_preset_that_cannot_be_used_is_refused_with_line_and_hint(tmp_path, text, said):
    assert said in refusal(tmp_path, text)


def test_secret_in_a_presets_place_is_not_repeated(tmp_path):
    assert "ab" * 32 not in refusal(tmp_path, short('"ethereum"', f'"{"ab" * 32}"'))


def test_banner_says_what_presets_gave_and_which_are_not_verified(tmp_path):
    doubtful = next(each for each in shipped()["deployment"].values() if not each.verified and each.chain == "ethereum")
    text = SHORT.replace("aave_v3_ethereum", doubtful.name)
    loaded = load(tmp_path, text)
    shown = banner_text(banner_facts(loaded, live_asked=False)).replace(f"{tmp_path}/", "")
    assert f"{doubtful.name} (keeper.toml:7: name, adapter, addresses_provider" in shown
    assert f"NOT VERIFIED: {doubtful.doubt}" in shown
    assert "uniswap_v3_ethereum (keeper.toml:9: name, kind, factory, start_block)" in shown
    (warning,) = loaded.warnings
    assert f'"{doubtful.name}" is not verified' in warning


def test_banner_without_presets_says_nothing_of_them(tmp_path):
    assert "\n  presets" not in banner_text(banner_facts(load(tmp_path, GOOD), live_asked=False))


def test_page_is_what_the_data_says():
    """Write it anew with: python -m keeper.config.preset_page > docs/presets.md."""
    assert PAGE.read_text() == page()
