"""The dashboard shows what the journal says, wide and narrow, and survives what it cannot read or must not obey."""

import json
import re
from dataclasses import replace
from html import unescape

import pytest

from keeper.errors import JournalError
from keeper.journal.store import Journal
from keeper.types import Declined, Reason
from keeper.watching.dashboard import Dashboard, Sources
from keeper.watching.glance import glance
from tests.fakes.desk import RUN, Office
from tests.fakes.heads import head
from tests.fakes.plans import COLLATERAL, DEBT, make_plan, position
from tests.unit.cli.terminal import keeper
from tests.unit.config.sample import GOOD

CHAIN_ID = 1
WIDE, NARROW = (150, 60), (70, 90)
HOSTILE = "\x1b[31m[red]drop\u202e table[/red]" + "A" * 100_000


@pytest.fixture
async def office(tmp_path):
    """A live keeper with one plan sent, a decline of hostile words, and a market that is set aside."""
    office = Office(tmp_path, live=True)
    await office.desk.arm()
    await office.execute(make_plan(1))
    line = {
        "block": 100,
        "base_fee_wei": 2_000_000_000,
        "positions": 12_345,
        "suspects": 7,
        "liquidatable": 3,
        "planned": 1,
        "declined": {"no_route": 2},
        "stopped": {"market": HOSTILE},
    }
    no = Declined("market", position(2), Reason.NO_ROUTE, {"why": HOSTILE})
    office.journal.record_pass(head(), line, [no])
    yield office
    office.close()


def sources(folder, *, nodes=None):
    async def label(tokens):
        assert tokens == {DEBT, COLLATERAL}
        return {}

    return Sources(lambda: glance(folder / "keeper.db", CHAIN_ID), label, nodes)


async def drawn(app, size):
    """What the dashboard shows on a terminal of this size, as lines of text."""
    async with app.run_test(size=size) as pilot:
        for _ in range(100):
            await pilot.pause(0.05)
            shown = shown_by(app)
            if "block 100" in shown or "no journal" in shown:
                break

        await app.workers.wait_for_complete()
        await pilot.pause()
        return shown_by(app)


def shown_by(app):
    texts = re.findall(r"<text[^>]*>(.*?)</text>", app.export_screenshot())
    return unescape(" ".join(texts)).replace("\xa0", " ")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_everything_at_one_look(office, tmp_path, size):
    async def nodes():
        return {"0": (False, 0), "1": (True, 4)}

    assert office.journal.name.endswith("keeper.db")
    shown = await drawn(Dashboard(sources(tmp_path, nodes=nodes)), size)
    wanted = ["LIVE", "block 100", "12,345", "2 gwei", "nothing holds it back", "2 x no_route", "answers", "sent"]
    wanted += ["rests after 4 failures"]
    assert [words for words in wanted if words not in shown] == []


async def test_hostile_words_are_shown_and_not_obeyed(office, tmp_path):
    assert office.journal.name
    shown = await drawn(Dashboard(sources(tmp_path)), WIDE)
    assert "\\u{1b}[31m[red]drop\\u{202e}" in shown
    assert "\x1b" not in shown
    assert len(shown) < 50_000


async def test_without_a_journal_it_says_so_and_looks_again(tmp_path):
    path = tmp_path / "keeper.db"

    def look():
        if not path.exists():
            raise JournalError("there is no journal yet")

        return glance(path, CHAIN_ID)

    async def label(tokens):
        assert tokens
        return {}

    app = Dashboard(Sources(look, label, None))
    assert "there is no journal yet" in await drawn(app, WIDE)
    office = Office(tmp_path, live=True)
    office.journal.record_pass(head(), {"block": 100}, [])
    assert "block 100" in await drawn(Dashboard(Sources(look, label, None)), WIDE)
    office.close()


async def test_one_look_as_json_is_what_the_panels_draw(office, tmp_path):
    (tmp_path / "keeper.toml").write_text(GOOD)
    done = keeper("watch", "--json", cwd=tmp_path)
    told = json.loads(done.stdout)
    assert (told["mode"], told["line"]["positions"], len(told["plans"]), len(told["flying"])) == ("live", 12_345, 1, 1)
    assert told["used"]["lost_usd"] == "0"
    office.close()


async def test_the_run_that_began_last_is_watched(office):
    office.close()
    assert glance(office.path, CHAIN_ID).mode == "live"
    later = replace(RUN, started_at=RUN.started_at + 1)
    Journal(office.path, live=False, chain_id=CHAIN_ID, run=later).close()
    assert glance(office.path, CHAIN_ID).mode == "dry"


def test_without_any_journal_the_verb_ends_with_code_7(tmp_path):
    (tmp_path / "keeper.toml").write_text(GOOD)
    done = keeper("watch", "--json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (7, "")
    assert "Traceback" not in done.stderr
