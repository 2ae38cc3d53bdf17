"""The files of a configuration: itself, and the key files it names."""

import pytest

from keeper.config.load import load_config, require_ready
from keeper.errors import ConfigError, SigningKeyError
from tests.unit.config.sample import GOOD, changed, load, refusal


def test_config_that_is_missing_names_its_neighbours(tmp_path):
    (tmp_path / "mainnet.toml").write_text("")
    with pytest.raises(ConfigError, match=r"no such configuration file; in that folder: mainnet\.toml"):
        load_config(tmp_path / "keeper.toml", {})


def test_config_that_is_a_folder_is_refused(tmp_path):
    (tmp_path / "keeper.toml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "keeper.toml", {})


def test_config_that_is_empty_names_every_missing_table(tmp_path):
    message = refusal(tmp_path, "")
    assert [word for word in ("[chain]", "[assets]", "[[deployment]]", "[[strategy]]") if word not in message] == []


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"[chain]\nid = 1\nx = '\xff'\n", "keeper.toml:3: not UTF-8 text"),
        (b"\xef\xbb\xbf[chain]\n", "byte order mark"),
        (b'{"chain": 1}', "looks like JSON"),
        (b"x = " + b"[" * 200_000, "nested too deeply"),
        (b"#" * 1_000_001, "too large"),
    ],
)
def test_config_that_is_not_toml_is_refused_with_what_it_looks_like(tmp_path, raw, said):
    (tmp_path / "keeper.toml").write_bytes(raw)
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "keeper.toml", {})

    assert said in caught.value.message.replace(f"{tmp_path}/", "")


def test_config_with_windows_line_ends_is_read_and_keeps_its_lines(tmp_path):
    (tmp_path / "keeper.toml").write_bytes(GOOD.replace("\n", "\r\n").encode())
    assert load_config(tmp_path / "keeper.toml", {}).config.chain.id == 1
    (tmp_path / "keeper.toml").write_bytes(changed('"5 USD"', '"5"').replace("\n", "\r\n").encode())
    with pytest.raises(ConfigError, match=r"keeper\.toml:29: "):
        load_config(tmp_path / "keeper.toml", {})


WITH_PASSPHRASE = changed('"operator.json"', '"operator.json"\npassphrase_file = "hunter2"')


def test_keystore_that_is_missing_is_refused_at_its_line(tmp_path):
    loaded = load(tmp_path, GOOD)
    with pytest.raises(SigningKeyError, match=r"keeper\.toml:9: \[keys\] keystore: no such file\n  make one with"):
        require_ready(loaded, live=False)


def test_passphrase_written_in_place_of_its_file_is_not_repeated(tmp_path):
    loaded = load(tmp_path, WITH_PASSPHRASE)
    (tmp_path / "operator.json").write_text("{}")
    with pytest.raises(SigningKeyError, match=r"keeper\.toml:10: \[keys\] passphrase_file: no such file") as caught:
        require_ready(loaded, live=False)

    assert "hunter2" not in caught.value.message


def test_key_files_in_order_are_accepted(tmp_path):
    loaded = load(tmp_path, WITH_PASSPHRASE)
    for name in ("operator.json", "hunter2"):
        (tmp_path / name).touch(mode=0o600)

    require_ready(loaded, live=False)


def test_key_file_that_is_a_folder_is_refused(tmp_path):
    loaded = load(tmp_path, GOOD)
    (tmp_path / "operator.json").mkdir()
    with pytest.raises(SigningKeyError, match="not a file this user can read"):
        require_ready(loaded, live=False)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('[keys]\nkeystore = "operator.json"\n', r"keeper\.toml:7: \[run\] live: going live needs a \[keys\] table"),
        ('[executor]\naddress = "0x1111111111111111111111111111111111111111"\n', r"needs an \[executor\] table"),
    ],
)
def test_table_that_only_going_live_needs_is_missed_only_then(tmp_path, table, said):
    loaded = load(tmp_path, changed(table, ""))
    (tmp_path / "operator.json").touch(mode=0o600)
    require_ready(loaded, live=False)
    with pytest.raises(ConfigError, match=said):
        require_ready(loaded, live=True)
