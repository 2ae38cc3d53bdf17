"""The reference of every setting, written from the model itself: `python -m keeper.config.reference` prints it.

`docs/configuration.md` is this text; a test compares the two, so that neither can say what the other does not.
"""

import json
import sys
import warnings
from collections.abc import Iterator
from typing import Any, Final, TypeAlias, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import PydanticJsonSchemaWarning

from keeper.config.model import KeeperConfig
from keeper.config.signer import SignerConfig, TypedDataRule
from keeper.config.translate import tables_in
from keeper.config.values import ratio_text
from keeper.types import Address, to_checksum

Shape: TypeAlias = dict[str, Any]
_INTRODUCTION: Final = """\
# Configuration

One TOML file tells the keeper everything; `keeper run --config keeper.toml` reads it. An unknown key, a wrong unit or
a name that leads nowhere is refused with file, line and a suggestion, before anything is started. This page is written
from the model that checks the file (`python -m keeper.config.reference > docs/configuration.md`).

- **Units** are part of a key's name: `_s` seconds, `_wei` wei, `_bps` basis points (10,000 are the whole).
- **Money** is text with a unit: `"5 USD"`, `"0.004 native"` (the chain's own token). **Fees** are wei as a number or
  text, or text in gwei: `"200 gwei"`. **Ratios** are text: `"1.05"`. All are read exactly, never as binary fractions.
- **Addresses** are quoted; a mixed-case one must have the right checksum. `preset = "..."` writes those of a well-known
  chain, market or venue for you: [presets](presets.md).
- **Paths** are relative to the configuration file.
- **Secrets** never stand in this file: `[keys]` names the files that hold them. A passphrase or private key written
  here is refused.

The environment stands above the file: `KEEPER__RUN__LIVE=true` sets `[run] live`, two underscores step into a table,
`KEEPER__STRATEGY__0__MIN_PROFIT="7 USD"` sets the first strategy's. A name with `_FILE` at its end reads the value from
that file, which keeps an endpoint with a key in it out of the environment: `KEEPER__CHAIN__RPC_FILE=/run/secrets/rpc`.

The least a dry run needs:

```toml
[chain]
id = 1
rpc = ["http://127.0.0.1:8545"]
wrapped_native = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"
native_usd = "0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419"

[assets]
trusted = ["0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"]

[[deployment]]
name = "aave-core"
adapter = "aave_v3"
addresses_provider = "0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e"
start_block = 16291127

[[venue]]
name = "uniswap"
kind = "uniswap_v3"
factory = "0x1F98431c8aD98523631AE4a59f267346ea31F984"
start_block = 12369621

[[strategy]]
name = "aave-flash"
deployments = ["aave-core"]
min_profit = "5 USD"
```

Nothing is sent unless `[run] live = true` **and** `keeper run --live`; live needs `[keys]` and `[executor]` too. A dry
run keeps a journal of its own, beside the live one (`keeper.dry.db`).
"""

_SIGNER: Final = """
## The signer's own file

`keeper signer --policy signer.toml` reads a file of its own, flat, by the same rules. Keep it where the keeper's user
cannot write.

"""
_TYPED_DATA: Final = "\n`[[typed_data]]`:\n\n"
_KINDS: Final = {"integer": "number", "boolean": "true or false", "string": "text", "object": "table"}


def reference() -> str:
    """Write the whole page."""
    return _INTRODUCTION + "".join(_sections()) + _SIGNER + _rows(SignerConfig) + _TYPED_DATA + _rows(TypedDataRule)


def _sections() -> Iterator[str]:
    for name, field in KeeperConfig.model_fields.items():
        key = field.alias or name
        heading = f"[[{key}]]" if get_origin(field.annotation) is tuple else f"[{key}]"
        needed = "Required." if field.is_required() else "Optional."
        yield f"\n## `{heading}`\n\n{needed} {field.description}\n"
        for table in tables_in(field.annotation):
            yield f"{_variant(table)}\n{_rows(table)}"
            for inner_name, inner_field in table.model_fields.items():
                for inner in tables_in(inner_field.annotation):
                    yield f"\n`{inner_name}`:\n{_variant(inner)}\n{_rows(inner)}"


def _variant(table: type[BaseModel]) -> str:
    """Introduce a table that is one of several forms; nothing for others."""
    for key in ("adapter", "kind"):
        if key in table.model_fields:
            return f'\n`{key} = "{get_args(table.model_fields[key].annotation)[0]}"`: {(table.__doc__ or "").strip()}\n'

    return ""


def _rows(table: type[BaseModel]) -> str:
    with warnings.catch_warnings():
        # Defaults are rendered below, in the file's own spelling.
        warnings.simplefilter("ignore", PydanticJsonSchemaWarning)
        properties = table.model_json_schema()["properties"]

    lines = ["| key | takes | default | meaning, and why that default |", "|---|---|---|---|"]
    for name, field in table.model_fields.items():
        key = field.alias or name
        shape = properties[key]
        cells = (f"`{key}`", _takes(shape), _default(field, shape), field.description or "")
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")

    return "\n".join(lines) + "\n"


def _takes(shape: Shape) -> str:
    """Say what a key takes: its kind, and its range where it has one."""
    match shape:
        case {"anyOf": [first, {"type": "null"}]}:
            return _takes(first)
        case {"const": word}:
            return f'`"{word}"`'
        case {"enum": list(words)}:
            return " or ".join(f'`"{word}"`' for word in words)
        case {"type": "array", "items": items}:
            return f"list of {_takes(items)}"
        case {"minimum": low, "maximum": high}:
            return f"{shape.get('format', 'number')}, {low:,} to {high:,}"
        case _:
            return str(shape.get("format") or _KINDS[shape.get("type", "object")])


def _default(field: FieldInfo, shape: Shape) -> str:
    if field.is_required():
        return "required"

    return "none" if field.default is None else f"`{_toml(field.default, shape)}`"


def _toml(value: object, shape: Shape) -> str:
    """Render a default as it would be written in the file."""
    match value:
        case tuple():
            return json.dumps([str(item) for item in value])
        case BaseModel():
            return "{ " + ", ".join(f"{k} = {json.dumps(v)}" for k, v in value.model_dump(mode="json").items()) + " }"
        case bytes():
            return f'"{to_checksum(Address(value))}"'
        case int() if shape.get("format") == "ratio":
            return f'"{ratio_text(value)}"'
        case bool() | int():
            return str(value).lower()
        case _:
            return f'"{value}"'


if __name__ == "__main__":
    sys.stdout.write(reference())
