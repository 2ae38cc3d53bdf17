"""Where positions stand and what was told, in both stores."""

import pytest

from keeper.journal.margins import Notice, Standing, standings_in
from keeper.journal.place import open_reader
from keeper.journal.store import Journal
from keeper.types import HealthState, PositionKey
from tests.fakes.desk import RUN

HERE, THERE = ("aave", PositionKey(b"\x01" * 20)), ("morpho", PositionKey(b"\x02" * 52))
CALL, WORSE = Standing(HealthState.MARGIN_CALL, 7, 700), Standing(HealthState.UNDERWATER, 8, 800)


@pytest.fixture(params=["file", "database"])
def place(request, tmp_path):
    return tmp_path / "keeper.db" if request.param == "file" else request.getfixturevalue("postgres")


def opened(place):
    return Journal(place, live=True, chain_id=1, run=RUN)


def notice(subject, at):
    return Notice("warning", "margin_call", subject, "title", "body", at)


def test_standings_are_replaced_forgotten_and_kept_over_a_restart(place):
    with opened(place) as journal:
        journal.margins.record(journal.run, [(HERE, CALL), (THERE, CALL)], [])
        journal.margins.record(journal.run, [(HERE, WORSE), (THERE, None)], [])

    with opened(place) as journal:
        assert journal.margins.standings() == {HERE: WORSE}
        with open_reader(place, 1, live=True) as reader:
            assert standings_in(reader) == {HERE: WORSE}


def test_notices_are_untold_until_somebody_took_them(place):
    with opened(place) as journal:
        first, second, stale = journal.margins.record(
            journal.run, [], [notice("a", 100), notice("b", 200), notice("a", 50)]
        )
        assert len({first, second, stale}) == 3
        assert journal.margins.untold(60) == {first: notice("a", 100), second: notice("b", 200)}
        journal.margins.told([first], 300)

    with opened(place) as journal:
        assert list(journal.margins.untold(0)) == [second, stale]
        assert journal.margins.last_said() == {("margin_call", "a"): 100, ("margin_call", "b"): 200}


def test_a_notice_and_the_standing_it_tells_of_are_written_together_or_not_at_all(place):
    bad = Notice("loud", "margin_call", "a", "title", "body", 1)
    with opened(place) as journal:
        with pytest.raises(Exception, match=r"CHECK|check"):
            journal.margins.record(journal.run, [(HERE, CALL)], [bad])

        assert journal.margins.standings() == {}
