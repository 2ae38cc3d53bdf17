"""The watchlist: what can be read, what is refused, and what a run does with a file that breaks under it."""

import os
import stat

import pytest

from keeper.alerting.watchlist import Watchlist, read_watchlist, write_watchlist
from keeper.errors import ConfigError
from keeper.types import Address

FIRST, SECOND = Address(b"\x11" * 20), Address(b"\x22" * 20)


def test_watchlist_that_is_not_there_is_empty(tmp_path):
    assert read_watchlist(tmp_path / "absent") == {}


def test_watchlist_is_read_back_as_it_was_written_and_closed_to_others(tmp_path):
    path = tmp_path / "list"
    write_watchlist(path, {FIRST: "treasury, cold", SECOND: ""})
    assert read_watchlist(path) == {FIRST: "treasury, cold", SECOND: ""}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_watchlist_written_by_hand_may_hold_comments_and_empty_lines(tmp_path):
    path = tmp_path / "list"
    path.write_text(f"# ours\n\n0x{FIRST.hex()} one # two\n0x{SECOND.hex()}\n")
    assert read_watchlist(path) == {FIRST: "one", SECOND: ""}


@pytest.mark.parametrize(
    "line", ["not an address", "0x1234", "0x" + "f" * 39 + "g", "0xFb6916095ca1df60bB79Ce92cE3Ea74c37c5d358"]
)
def test_watchlist_with_a_bad_line_is_refused_with_its_number(tmp_path, line):
    path = tmp_path / "list"
    path.write_text(f"0x{FIRST.hex()}\n{line}\n")
    with pytest.raises(ConfigError, match=r"list:2: "):
        read_watchlist(path)


def test_watchlist_label_is_made_one_harmless_line(tmp_path):
    path = tmp_path / "list"
    write_watchlist(path, {FIRST: "a\nb\x1b[31m# c" + "x" * 1_000})
    (label,) = read_watchlist(path).values()
    assert len(label) <= 64
    assert "\x1b" not in label
    assert "\n" not in label


def test_run_reads_the_list_again_when_it_changed_and_keeps_the_last_good_one(tmp_path):
    path = tmp_path / "list"
    write_watchlist(path, {FIRST: ""})
    watchlist = Watchlist(path)
    write_watchlist(path, {FIRST: "", SECOND: "new"})
    watchlist.refresh()
    assert watchlist.accounts == {FIRST: "", SECOND: "new"}
    path.write_text("nonsense\n")
    os.utime(path, ns=(1, 1))
    watchlist.refresh()
    assert watchlist.accounts == {FIRST: "", SECOND: "new"}
