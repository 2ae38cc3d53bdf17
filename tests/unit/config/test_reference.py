"""The configuration page says what the model says, and its example works."""

from pathlib import Path

from pydantic import BaseModel

from keeper.config.load import load_config
from keeper.config.model import KeeperConfig
from keeper.config.reference import reference
from keeper.config.translate import tables_in

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


def all_tables(table):
    yield table
    for field in table.model_fields.values():
        for inner in tables_in(field.annotation):
            yield from all_tables(inner)


def test_page_is_what_the_model_says():
    """Write it anew with: python -m keeper.config.reference > docs/configuration.md."""
    assert PAGE.read_text() == reference()


def test_page_has_every_key():
    keys = {
        f.alias or name for t in all_tables(KeeperConfig) if t is not KeeperConfig for name, f in t.model_fields.items()
    }
    assert {key for key in keys if f"| `{key}` |" not in PAGE.read_text()} == set()


def test_every_key_is_explained_and_every_table_closed():
    tables = list(all_tables(KeeperConfig))
    assert all(issubclass(table, BaseModel) for table in tables)
    assert [name for table in tables for name, field in table.model_fields.items() if not field.description] == []
    assert {(table.model_config["extra"], table.model_config["frozen"]) for table in tables} == {("forbid", True)}


def test_example_of_the_page_is_a_configuration_without_warnings(tmp_path):
    example = PAGE.read_text().split("```toml\n")[1].split("```")[0]
    (tmp_path / "keeper.toml").write_text(example)
    loaded = load_config(tmp_path / "keeper.toml", {})
    assert (loaded.warnings, loaded.config.run.live) == ((), False)
