"""Which journal a verb that only looks reads: the live one, or the dry run's."""

from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from keeper.config.model import KeeperConfig
    from keeper.journal.place import Place, Reader

dry_run_option: Final = click.option(
    "--dry-run", is_flag=True, help="Read the dry run's journal even where there is a live one."
)


def open_to_read(config: "KeeperConfig", *, dry_run: bool) -> "Reader":
    """Choose the live journal, or the dry run's where that is asked for or the only one there is."""
    from keeper.config.derived import place_of
    from keeper.errors import JournalError
    from keeper.journal.place import open_reader

    place, chain_id = place_of(config), config.chain.id
    live = None if dry_run else _try_reader(place, chain_id)
    if live is not None:
        return live

    try:
        reader = open_reader(place, chain_id, live=False)
    except JournalError:
        if dry_run:
            raise

        return open_reader(place, chain_id, live=True)  # what is wrong with that one is what should be said

    click.echo(f"keeper: this is the dry run's journal, {reader.name}", err=True)
    return reader


def _try_reader(place: "Place", chain_id: int) -> "Reader | None":
    from keeper.errors import JournalError
    from keeper.journal.place import open_reader

    try:
        return open_reader(place, chain_id, live=True)
    except JournalError:
        return None
