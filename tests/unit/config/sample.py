"""A configuration that is right, and how a test breaks it in one place."""

import pytest

from keeper.config.load import load_config
from keeper.errors import ConfigError
from tests.canary import TOKEN

GOOD = """\
[chain]
id = 1
rpc = ["https://user:hunter2@node.example:8545/v2/TOKEN?key=TOKEN"]
wrapped_native = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"
native_usd = "0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419"
[run]
live = true
[keys]
keystore = "operator.json"
[executor]
address = "0x1111111111111111111111111111111111111111"
[assets]
trusted = [
  "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",
  "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
]
[[deployment]]
name = "aave-core"
adapter = "aave_v3"
addresses_provider = "0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e"
start_block = 16291127
[[venue]]
name = "uniswap"
kind = "uniswap_v3"
factory = "0x1F98431c8aD98523631AE4a59f267346ea31F984"
[[strategy]]
name = "aave-flash"
deployments = ["aave-core"]
min_profit = "5 USD"
bid = { kind = "fixed" }
""".replace("TOKEN", TOKEN)


def changed(old, new):
    """Replace one piece of the good configuration; it must be there."""
    assert old in GOOD
    return GOOD.replace(old, new, 1)


def load(folder, text, environ=None):
    """Load a text as `keeper.toml` in a folder, with nothing from the process's environment."""
    path = folder / "keeper.toml"
    path.write_text(text)
    return load_config(path, environ or {})


def refusal(folder, text, environ=None):
    """What is said when a text is refused, with the file's folder left out."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text, environ)

    return caught.value.message.replace(f"{folder}/", "")
