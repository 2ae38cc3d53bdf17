"""However a configuration is mangled, it is read or refused: no other error, and no secret in what is said."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeper.config.load import load_config
from keeper.errors import ConfigError
from tests.unit.config.sample import GOOD

LINES = GOOD.splitlines()
KEYS = [line.split(" = ")[0] for line in LINES if " = " in line]
VALUES = [
    "true", "0", "-1", "1.5", "1979-05-27", '""', '"x"', "[]", "[[]]", "{}", '{ kind = "fixed", kind2 = 1 }', "nan",
    "0x10", '"' + "9" * 200 + ' USD"', "1" * 200, '"\\u001b[2J"', '"\\u0000"', '["canary"]', '"canary hunter2"',
    "'''\n'''",
]  # fmt: skip


@pytest.fixture(scope="module")
def path():
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "keeper.toml"


def read_or_refused(path, raw, environ):
    path.write_bytes(raw)
    try:
        load_config(path, environ)
    except ConfigError as error:
        said = error.message
    else:
        return

    assert said.strip()
    # A value is repeated only where it cannot be a secret; the good file's own are.
    assert "hunter2@" not in said
    assert "key=canary" not in said


@st.composite
def mangled(draw):
    """The good file with a few lines removed, doubled, swapped, or given another value."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.integers(0, 3)):
            case 0:
                del lines[at]
            case 1:
                lines.insert(draw(st.integers(0, len(lines))), lines[at])
            case 2:
                lines[at] = f"{draw(st.sampled_from(KEYS))} = {draw(st.sampled_from(VALUES))}"
            case _:
                lines[at] = lines[at][: draw(st.integers(0, len(lines[at])))]

    return "\n".join(lines).encode()


@given(raw=mangled())
def test_config_with_mangled_lines_is_read_or_refused(path, raw):
    read_or_refused(path, raw, {})


@given(at=st.integers(0, len(GOOD)), cut=st.integers(0, 30), put=st.binary(max_size=6))
def test_config_with_mangled_bytes_is_read_or_refused(path, at, cut, put):
    raw = GOOD.encode()
    read_or_refused(path, raw[:at] + put + raw[at + cut :], {})


tables = st.sampled_from(["CHAIN", "RUN", "KEYS", "ASSETS", "STRATEGY", "DEPLOYMENT", "X", "", "0"])
keys = st.sampled_from(
    ["ID", "RPC", "LIVE", "0", "1", "99999999999999999999", "NAME", "BID", "KIND", "RPC_FILE", "", "²"]
)


@given(
    parts=st.tuples(tables, keys) | st.tuples(tables, keys, keys), value=st.sampled_from(VALUES) | st.text(max_size=9)
)
def test_config_with_any_override_is_read_or_refused(path, parts, value):
    read_or_refused(path, GOOD.encode(), {"KEEPER__" + "__".join(parts): value})


@given(secret=st.text(st.characters(categories=["L", "N"]), min_size=8, max_size=40), key=st.sampled_from(KEYS))
def test_secret_under_a_wrong_key_is_not_repeated(path, secret, key):
    """Whatever a person pastes as an unknown key's value, a password among it, stays in the file."""
    path.write_text(f'{GOOD}\n[keyz]\n{key} = "canary{secret}"\n')
    with pytest.raises(ConfigError) as caught:
        load_config(path, {})

    assert "canary" not in caught.value.message
