"""However a verb ends, it ends with one message, a documented code, and nothing leaked."""

import pytest

from keeper import __version__
from keeper.cli import entry
from keeper.errors import ChainError
from tests.unit.cli.terminal import keeper
from tests.unit.config.sample import GOOD, changed


def test_version_is_printed(tmp_path):
    done = keeper("--version", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"keeper {__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rnu"], "did you mean 'run'?"),
        (["run", "--until-idle", "0"], "--until-idle"),
        (["run", "--liev"], "--live"),
        (["report", "extra"], "extra"),
    ],
)
def test_command_line_that_is_wrong_ends_with_code_2_and_a_suggestion(tmp_path, arguments, said):
    done = keeper(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_error_of_ours_ends_with_one_message_on_standard_error(tmp_path):
    done = keeper("report", "--json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "keeper: keeper.toml: no such configuration file\n  name one with --config FILE\n"


def test_error_with_debug_shows_where_it_came_from_and_the_message_last(tmp_path):
    done = keeper("report", "--debug", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("Traceback")
    assert done.stderr.splitlines()[-2] == "keeper: keeper.toml: no such configuration file"


def test_error_message_obeys_nothing_and_hides_credentials(capsys):
    code = entry._say("no answer from https://node.example/canary: \x1b[2J\u202e", ChainError.exit_code)
    assert code == 4
    assert capsys.readouterr().err == "keeper: no answer from https://node.example/***: \\u{1b}[2J\\u{202e}\n"


def test_defect_is_shown_without_the_secrets_in_it(capsys):
    try:
        open("https://node.example/canary")  # noqa: PTH123, SIM115  # any error with a URL in it
    except FileNotFoundError as error:
        entry._report_defect(type(error), error, error.__traceback__)

    text = capsys.readouterr().err
    assert text.startswith("Traceback")
    # The line of source is ours and shows what it opens; it is redacted like the rest.
    assert "canary" not in text


def test_config_may_be_named_by_the_environment(tmp_path):
    done = keeper("report", cwd=tmp_path, environ={"KEEPER_CONFIG": "elsewhere.toml"})
    assert "elsewhere.toml: no such configuration file" in done.stderr


def test_override_of_the_environment_reaches_the_verb(tmp_path):
    (tmp_path / "keeper.toml").write_text(GOOD)
    done = keeper("report", cwd=tmp_path, environ={"KEEPER__RUN__JOURNAL": "other.db"})
    assert done.returncode == 7
    assert f"no journal at {tmp_path}/other.db" in done.stderr


def test_warning_of_the_configuration_is_logged_before_the_verb_does_anything(tmp_path):
    (tmp_path / "keeper.toml").write_text(changed('"5 USD"', '"0 USD"'))
    done = keeper("report", "--json", cwd=tmp_path)
    assert '"event":"config_doubted"' in done.stderr
    assert "min_profit: zero, after gas" in done.stderr
