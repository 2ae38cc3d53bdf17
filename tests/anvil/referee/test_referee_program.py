"""The referee as a program: its exit codes, its output, when it ends, and what it is made of."""

import json
import subprocess
import sys

import pytest
from referee.build import SOURCE, compile_sources

from tests.anvil.referee.scene import LEFT, SCRIPTS, text

pytestmark = pytest.mark.anvil


def run_referee(played, folder, *arguments, rows, stdin=None):
    (folder / "manifest.json").write_text(json.dumps(played.manifest))
    (folder / "report.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    files = ["--manifest", folder / "manifest.json", "--report", folder / "report.jsonl"]
    return subprocess.run(
        [SCRIPTS / "judge", "--rpc-url", played.url, *files, "--json", *arguments],
        capture_output=True,
        text=True,
        stdin=stdin,
        check=False,
        timeout=60,
    )


def test_program_correct_report_exits_zero(played, tmp_path):
    done = run_referee(played, tmp_path, "--until-block", str(played.settled), rows=played.rows)

    assert (done.returncode, json.loads(done.stdout)["verdict"]) == (0, "agree")


def test_program_missed_profit_exits_one_and_names_it(played, tmp_path):
    done = run_referee(played, tmp_path, rows=played.rows)

    assert done.returncode == 1
    assert json.loads(done.stdout)["missed"][0]["borrower"] == text(LEFT)
    assert "missed or declined profit: 1" in done.stderr


def test_program_following_ends_when_its_input_ends(played, tmp_path):
    done = run_referee(played, tmp_path, "--follow", rows=played.rows, stdin=subprocess.DEVNULL)

    assert json.loads(done.stdout)["checked"]["last_block"] == played.end


def test_program_following_ends_at_its_stop_file(played, tmp_path):
    (tmp_path / "stop").touch()
    done = run_referee(played, tmp_path, "--follow", "--stop-file", str(tmp_path / "stop"), rows=played.rows)

    assert json.loads(done.stdout)["checked"]["last_block"] == played.end


def test_program_following_ends_at_its_last_block(played, tmp_path):
    done = run_referee(played, tmp_path, "--follow", "--until-block", str(played.settled), rows=played.rows)

    assert json.loads(done.stdout)["checked"]["last_block"] == played.settled


def test_program_report_with_a_broken_line_exits_two_and_names_it(played, tmp_path):
    done = run_referee(
        played, tmp_path, "--until-block", str(played.settled), rows=[*played.rows, {"status": "landed"}]
    )

    assert done.returncode == 2
    assert "report.jsonl:3: Object missing required field `position`" in done.stderr
    assert "Traceback" not in done.stderr


def test_probe_source_compiles_to_the_code_that_is_run():
    code = compile_sources({SOURCE: (SCRIPTS / "referee" / SOURCE).read_text()})["Probe"]

    assert code == (SCRIPTS / "referee" / "probe.hex").read_text().strip()


def test_referee_imports_nothing_of_the_keeper():
    """Its modules are loaded in a fresh interpreter, which then holds no module of the keeper."""
    script = "import sys, referee.__main__; print([name for name in sys.modules if name.split('.')[0] == 'keeper'])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(SCRIPTS)}
    )

    assert done.stdout == "[]\n"
