"""The page of presets, written from the data itself: `python -m keeper.config.preset_page` prints it.

`docs/presets.md` is this text; a test compares the two.
"""

import sys
from collections.abc import Iterable
from typing import Final

from keeper.config.presets import LISTS, Preset, shipped

_INTRODUCTION: Final = """\
# Presets

A preset is a name for what would otherwise be addresses copied by hand. With presets, a configuration for Ethereum is:

```toml
[chain]
preset = "ethereum"
rpc = ["http://127.0.0.1:8545"]

[assets]
trusted = ["WETH", "USDC"]

[[deployment]]
preset = "aave_v3_ethereum"

[[deployment]]
preset = "morpho_blue_ethereum"
name = "morpho"

[[venue]]
preset = "uniswap_v3_ethereum"

[[strategy]]
name = "flash"
deployments = ["aave_v3_ethereum", "morpho"]
```

- A key you write, in the file or the environment, stands above the preset. `name` is the preset's own when left out.
- With `[chain] preset`, `[assets] trusted` may hold token names as well as addresses.
- A deployment or venue of another chain than `[chain] id` is refused, and so is a name nobody ships.
- `keeper run` says at its start which keys each preset gave; an error about one of them names the preset and its line.
- A configuration written with presets and one written with the same addresses decide alike and share a fingerprint.

**How far to trust them.** The figures come from packages their protocols or their users publish, named below.
*Verified* means that sources published apart from each other agree; what could not be compared is *not verified*: the
keeper warns at every start and says what is in doubt. None was read from a chain by whoever wrote it down: before
going live, compare the addresses with the protocol's own documentation. A start block that is too late would hide
borrowers; where one was in doubt it is rounded down or left out (then logs are read from block 0).

The data is `keeper/presets/*.toml`: one table per preset, `[deployment.NAME]` or `[venue.NAME]`, with `chain`,
`sources`, `verified` (and `doubt` exactly when false), then the keys of the configuration's own table.

"""


def page() -> str:
    """Write the page: the introduction, then one table per kind of preset."""
    chains = "\n".join(_chain_row(preset) for preset in shipped()["chain"].values())
    text = (
        f"{_INTRODUCTION}## Chains\n\n| preset | id | tokens known by name | read from |\n|---|---|---|---|\n{chains}\n"
    )
    for kind in LISTS:
        rows = "\n".join(_row(preset) for preset in shipped()[kind].values())
        text += (
            f"\n## `[[{kind}]]`\n\n| preset | chain | gives | verified | read from |\n|---|---|---|---|---|\n{rows}\n"
        )

    return text


def _chain_row(preset: Preset) -> str:
    tokens = ", ".join(preset.tokens)
    return f"| `{preset.name}` | {preset.values['id']} | {tokens} | {'; '.join(preset.sources)} |"


def _row(preset: Preset) -> str:
    verified = "yes" if preset.verified else f"no: {preset.doubt}"
    cells = (f"`{preset.name}`", preset.chain, _gives(preset.values.items()), verified, "; ".join(preset.sources))
    return f"| {' | '.join(cells)} |"


def _gives(values: Iterable[tuple[str, object]]) -> str:
    return "<br>".join(f"`{key}` {value}" for key, value in values)


if __name__ == "__main__":
    sys.stdout.write(page())
