import stat

import pytest

from keeper.errors import ConfigError
from keeper.execution.switch import Order, Switch


@pytest.fixture
def switch(tmp_path):
    return Switch(tmp_path / "keeper.switch")


def test_no_file_is_no_word(switch):
    assert switch.read() is None


def test_a_word_is_read_as_it_was_written(switch):
    switch.write(Order.PAUSE, "odd prices", at=1_700_000_000_000_000_000, until=1_700_003_600)
    word = switch.read()
    assert (word.order, word.reason, word.until) == (Order.PAUSE, "odd prices", 1_700_003_600)


def test_the_same_order_given_again_is_another_word(switch):
    switch.write(Order.RESUME, "", at=1)
    first = switch.read()
    switch.write(Order.RESUME, "", at=2)
    assert switch.read().id != first.id


def test_a_switch_is_its_owners_alone_and_leaves_nothing_beside_it(switch):
    switch.write(Order.KILL, "", at=1)
    assert stat.S_IMODE(switch.path.stat().st_mode) == 0o600
    assert [path.name for path in switch.path.parent.iterdir()] == ["keeper.switch"]


@pytest.mark.parametrize(
    "content", ["", "stop!", "{}", '{"order": "dance", "reason": "", "until": null, "at": 1}', "9"]
)
def test_anything_else_in_the_file_is_a_pause_without_end(switch, content):
    switch.path.write_text(content)
    word = switch.read()
    assert (word.order, word.until) == (Order.PAUSE, None)


def test_a_switch_that_cannot_be_read_is_a_pause(switch):
    switch.path.mkdir()
    assert switch.read().order is Order.PAUSE


def test_a_switch_that_cannot_be_written_says_what_to_change(tmp_path):
    with pytest.raises(ConfigError, match="switch_file"):
        Switch(tmp_path / "nowhere" / "keeper.switch").write(Order.PAUSE, "", at=1)
