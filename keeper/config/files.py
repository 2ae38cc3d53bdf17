"""Files a configuration names, each of which must be itself: a journal written over a key is gone with it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from keeper.config.derived import switch_path
from keeper.config.lines import KeyPath
from keeper.config.model import KeeperConfig, KeyConfig
from keeper.config.problems import Problem, dotted
from keeper.journal.place import journal_path

_BESIDE_A_JOURNAL: Final = ("", ".lock", "-wal", "-shm", "-journal")
"""What SQLite and the lock keep beside a journal, as endings of its name."""


def shared_files(config: KeeperConfig, own: Path) -> Iterator[Problem]:
    """Find one file in two places; `own` is the configuration's."""
    named: dict[str, KeyPath] = {}
    for place, file in _files(config, own):
        first = named.setdefault(os.path.normpath(file), place)
        # A passphrase may be shared between keys; a keystore may not, which is said elsewhere.
        if first != place and first[-1:] != place[-1:]:
            what = dotted(first) if first else "this configuration"
            yield Problem(place, f"the same file as {what}", "one would overwrite the other")


def _files(config: KeeperConfig, own: Path) -> Iterator[tuple[KeyPath, Path]]:
    yield (), own
    tables: list[tuple[KeyPath, KeyConfig]] = [(("lane", index), lane) for index, lane in enumerate(config.lanes)]
    if config.keys is not None:
        tables.insert(0, (("keys",), config.keys))

    for path, key in tables:
        for name, file in (("keystore", key.keystore), ("passphrase_file", key.passphrase_file)):
            if file is not None:
                yield (*path, name), file

    for live in (True, False):
        journal = journal_path(config.run.journal, live=live)
        yield from ((("run", "journal"), journal.with_name(journal.name + ending)) for ending in _BESIDE_A_JOURNAL)

    if config.run.recording is not None:
        yield ("run", "recording"), config.run.recording

    yield ("governor", "switch_file"), switch_path(config)
