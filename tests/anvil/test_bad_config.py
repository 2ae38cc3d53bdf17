"""A configuration that only the chain can find wrong ends the run at once, before anything is read or signed."""

import asyncio
import json
import re
import shutil
import socket
import subprocess
from contextlib import contextmanager, suppress

import aiohttp
import pytest

from keeper.errors import ChainError, ConfigError, ExecutorError, SigningKeyError
from keeper.sandbox.chain import LocalChain
from keeper.sandbox.stage.operator import settle_in
from keeper.types import Address, to_checksum
from tests import canary
from tests.fakes.tables import aave_v3_table
from tests.unit.cli.terminal import KEEPER, keeper

pytestmark = pytest.mark.anvil

PASSPHRASE = "operator.passphrase"
CONTRACT = Address(b"\xc0" * 20)
EMPTY = to_checksum(Address(b"\xee" * 20))


@pytest.fixture(scope="module")
def chain(packages, saved):
    with saved.start(packages) as anvil:
        local = LocalChain(anvil.url)
        yield local
        local.close()


@pytest.fixture(scope="module")
def office(chain, saved, tmp_path_factory):
    """An operator with everything right: key, gas, a wired executor, a configuration that is ready to go live."""
    folder = tmp_path_factory.mktemp("operator")
    settle_in(chain, saved.world, folder, chain.node.url, [aave_v3_table(saved.world)])
    return folder


@pytest.fixture
def folder(office, tmp_path):
    """A copy of the operator's files, to break."""
    return shutil.copytree(office, tmp_path / "operator")


def broken(folder, old, new):
    path = folder / "keeper.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def line_of(folder, text):
    lines = (folder / "keeper.toml").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.startswith(text))


def refused(folder, code, *, live=True):
    """Run until idle; what was said, which must be one message under the banner, without a secret or a traceback."""
    passphrase = (folder / PASSPHRASE).read_text().splitlines()[0]
    done = keeper("run", "--until-idle", "3", *(["--live"] if live else []), cwd=folder)
    assert (done.returncode, done.stdout) == (code, "")
    assert [secret for secret in (passphrase, "Traceback") if secret in done.stderr] == []
    messages = [line for line in done.stderr.splitlines() if line.startswith("keeper: ")]
    assert len(messages) == 1
    return done.stderr[done.stderr.index(messages[0]) :]


def executor_of(folder):
    line = (folder / "keeper.toml").read_text().splitlines()[line_of(folder, "address = ") - 1]
    return line.split('"')[1]


def monitored(folder):
    """Have the keeper's page on a port of its own; its address."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{found.getsockname()[1]}"

    path = folder / "keeper.toml"
    path.write_text(path.read_text() + f'\n[monitor]\nlisten = "{address}"\n')
    return address


async def watched(address, folder):
    """Run live until idle, reading the page from the moment it says it is ready: (how the run ended, two pages)."""
    run = asyncio.create_task(asyncio.to_thread(keeper, "run", "--live", "--until-idle", "5", "--json", cwd=folder))
    async with aiohttp.ClientSession(f"http://{address}") as session:
        while not run.done():
            with suppress(aiohttp.ClientError):
                async with session.get("/readyz") as ready, session.get("/metrics") as metrics:
                    pages = await ready.json(), await metrics.text()
                    if ready.status == 200:
                        return await run, *pages

            await asyncio.sleep(0.1)

    pytest.fail(f"it ended without having been ready: {run.result().stderr}")


async def test_config_that_is_right_runs_live_until_idle_and_tells_its_monitor(folder, chain):
    """The rest of this file means little unless the unbroken configuration is accepted."""
    address = monitored(folder)
    chain.node.rpc("evm_setIntervalMining", 1)
    try:
        done, ready, metrics = await watched(address, folder)
    finally:
        chain.node.rpc("evm_setIntervalMining", 0)
        chain.node.rpc("evm_setAutomine", True)

    assert (done.returncode, done.stdout) == (0, "")
    events = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert events[0] == "run_announced"
    assert "block_processed" in events
    assert events[-1] == "run_ended"
    assert ready["ok"] is True
    assert "keeper_armed 1.0" in metrics


def test_monitor_address_that_is_taken_is_refused_at_its_line(folder):
    address = monitored(folder)
    host, port = address.split(":")
    with socket.socket() as taken:
        taken.bind((host, int(port)))
        taken.listen()
        said = refused(folder, ConfigError.exit_code)

    assert f"keeper.toml:{line_of(folder, 'listen = ')}" in said
    assert f"cannot listen on {address}" in said


@contextmanager
def at_work(folder, chain):
    """A live keeper on a chain that mines; (what it logs from now on, by event)."""
    with subprocess.Popen(
        [KEEPER, "run", "--live", "--json"], cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        chain.node.rpc("evm_setIntervalMining", 1)
        told = []

        def wait_for(event):
            for line in process.stderr:
                canary.check(line)
                told.append(json.loads(line))
                if told[-1]["event"] == event:
                    return told[-1]

                assert not told[-1]["event"].startswith(("reload_", "config_reloaded")), told[-1]

            pytest.fail(f"it ended without {event}: {[each['event'] for each in told]}")

        try:
            yield wait_for
        finally:
            process.terminate()
            for _ in process.stderr:
                pass

            assert process.wait(60) == 0
            chain.node.rpc("evm_setIntervalMining", 0)
            chain.node.rpc("evm_setAutomine", True)


def test_reload_takes_up_strategies_and_limits_whole_and_refuses_the_rest_by_name(folder, chain):
    path = folder / "keeper.toml"
    # A recording is of one configuration: with it, nothing may change.
    path.write_text(re.sub(r"^recording = .*\n", "", path.read_text(), flags=re.MULTILINE))
    with at_work(folder, chain) as wait_for:
        wait_for("block_processed")
        broken(folder, "cooldown_s = 0", 'cooldown_s = 7\nmax_drawdown = "9 USD"')
        assert keeper("reload", cwd=folder).returncode == 0
        taken = wait_for("config_reloaded")
        assert taken["settings"] == ["governor.cooldown_s", "governor.max_drawdown"]
        broken(folder, "cooldown_s = 7", "cooldown_s = 8")
        broken(folder, "id = 31337", "id = 1")
        assert keeper("reload", cwd=folder).returncode == 0
        assert wait_for("reload_refused")["settings"] == ["chain.id"]
        broken(folder, "cooldown_s = 8", "cooldwon_s = 8")
        unreadable = keeper("reload", cwd=folder)
        assert unreadable.returncode == ConfigError.exit_code
        assert 'did you mean "cooldown_s"' in unreadable.stderr


def test_reload_without_a_keeper_says_so(folder):
    done = keeper("reload", cwd=folder)
    assert (done.returncode, done.stdout) == (7, "")
    assert "no keeper runs with this configuration's journal" in done.stderr


def test_chain_id_that_is_not_the_nodes_is_refused_with_both(folder):
    broken(folder, "id = 31337", "id = 1")
    said = refused(folder, ConfigError.exit_code)
    assert "31337" in said
    assert "[chain] id" in said


def test_executor_without_code_is_refused(folder):
    broken(folder, executor_of(folder), EMPTY)
    said = refused(folder, ExecutorError.exit_code)
    assert f"no contract at {EMPTY}" in said
    assert "keeper executor deploy" in said


def test_executor_that_is_another_contract_is_refused(folder, chain):
    chain.set_code(CONTRACT, b"\x60\x00\x60\x00\xf3")  # returns nothing to anything
    broken(folder, executor_of(folder), to_checksum(CONTRACT))
    broken(folder, "code_hash = ", "# ")
    assert "is not a keeper executor: check [executor] address" in refused(folder, ExecutorError.exit_code)


def test_executor_of_somebody_else_is_refused_with_the_key_it_does_not_know(folder):
    (folder / "operator.json").unlink()
    made = keeper("keys", "new", "operator.json", "--passphrase-file", PASSPHRASE, cwd=folder)
    said = refused(folder, ExecutorError.exit_code)
    assert f"does not take orders from {made.stdout.strip()}" in said
    assert "keeper executor operator add" in said


def test_executor_with_other_code_than_pinned_is_refused(folder):
    broken(folder, "code_hash = ", f'code_hash = "0x{"ab" * 32}" # ')
    assert "is not the one [executor] code_hash pins" in refused(folder, ExecutorError.exit_code)


def test_passphrase_that_is_wrong_is_refused_before_the_node_is_even_asked(folder, chain):
    (folder / PASSPHRASE).write_text("wrong horse battery\n")
    broken(folder, chain.node.url, "http://127.0.0.1:1")
    assert "wrong passphrase" in refused(folder, SigningKeyError.exit_code)


def test_passphrase_nobody_can_be_asked_for_is_refused(folder):
    broken(folder, f'passphrase_file = "{PASSPHRASE}"\n', "")
    assert "name its file in [keys] passphrase_file" in refused(folder, SigningKeyError.exit_code)


def test_passphrase_file_that_is_missing_is_refused_at_its_line(folder):
    line = line_of(folder, "passphrase_file")
    (folder / PASSPHRASE).rename(folder / "elsewhere")
    done = keeper("run", "--live", cwd=folder)
    assert done.returncode == SigningKeyError.exit_code
    assert done.stderr.startswith(f"keeper: keeper.toml:{line}: [keys] passphrase_file: no such file")


def test_node_that_is_down_is_refused_with_its_host(folder, chain):
    broken(folder, chain.node.url, "http://user:secret-token@127.0.0.1:1/v2/secret-token")
    said = refused(folder, ChainError.exit_code)
    assert "127.0.0.1:1" in said
    assert "secret-token" not in said


@pytest.mark.parametrize("key", ["addresses_provider", "factory"])
def test_address_that_is_no_such_contract_is_told_by_name(folder, key):
    """A right checksum says nothing about what is there; a run on it would be blind."""
    old = next(line for line in (folder / "keeper.toml").read_text().splitlines() if line.startswith(f"{key} = "))
    broken(folder, old, f'{key} = "{EMPTY}"')
    done = keeper("run", "--live", "--until-idle", "1", "--json", cwd=folder)
    assert "Traceback" not in done.stderr
    assert EMPTY in done.stderr or key in done.stderr
