"""The page about the command line says what the commands say."""

from pathlib import Path

from keeper.cli.entry import VERBS
from keeper.cli.reference import reference

PAGE = Path(__file__).parents[3] / "docs" / "command-line.md"


def test_page_is_what_the_commands_say():
    """Write it anew with: python -m keeper.cli.reference > docs/command-line.md."""
    assert PAGE.read_text() == reference()


def test_page_has_every_verb_and_those_inside_it():
    page = PAGE.read_text()
    assert [verb for verb in VERBS if f"## `keeper {verb}`" not in page] == []
    assert "## `keeper executor allow`" in page
