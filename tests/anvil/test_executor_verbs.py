"""An executor's life from the command line: deployed, found wanting, wired, found right, emptied."""

import json
import shutil

import pytest

from keeper.errors import ConfigError, ExecutorError, SigningKeyError
from keeper.execution.keys import create_keystore, read_address
from keeper.sandbox.assets import balance, fund
from keeper.sandbox.chain import LocalChain
from keeper.types import Address, parse_address, to_checksum
from keeper.units import WAD
from tests.canary import PASSPHRASE, plant
from tests.unit.cli.terminal import keeper

pytestmark = pytest.mark.anvil

TREASURY = Address(b"\x7f" * 20)
CONFIG = """\
[chain]
id = 31337
rpc = ["{rpc}"]
wrapped_native = "{weth}"
native_usd = "{feed}"
[run]
live = true
[keys]
keystore = "operator.json"
passphrase_file = "passphrase"
[assets]
trusted = ["{weth}", "{usdc}"]
[[deployment]]
name = "aave"
adapter = "aave_v3"
addresses_provider = "{provider}"
[[venue]]
name = "uniswap"
kind = "uniswap_v3"
factory = "{factory}"
[[strategy]]
name = "flash"
deployments = ["aave"]
"""


@pytest.fixture(scope="module")
def chain(packages, saved):
    with saved.start(packages) as anvil:
        local = LocalChain(anvil.url)
        yield local
        local.close()


@pytest.fixture(scope="module")
def office(chain, saved, tmp_path_factory):
    """Two funded keys, the operator's and the owner's, and a configuration without an executor."""
    folder = tmp_path_factory.mktemp("office")
    (folder / "passphrase").touch(mode=0o600)
    plant(folder / "passphrase").write_text(f"{PASSPHRASE}\n")
    for name in ("operator.json", "owner.json"):
        # Little work per guess: these keys are worth nothing, and each verb opens one.
        chain.set_balance(create_keystore(folder / name, PASSPHRASE, scrypt_n=2**4), 10 * WAD)

    world = saved.world
    (folder / "keeper.toml").write_text(
        CONFIG.format(
            rpc=chain.node.url,
            weth=to_checksum(world.assets["WETH"].token),
            usdc=to_checksum(world.assets["USDC"].token),
            feed=to_checksum(world.assets["WETH"].feed.proxy),
            provider=to_checksum(world.aave36.addresses_provider),
            factory=to_checksum(world.uniswap.factory),
        )
    )
    return folder


@pytest.fixture(scope="module")
def owner(office):
    return to_checksum(read_address(office / "owner.json"))


@pytest.fixture(scope="module")
def operator(office):
    return to_checksum(read_address(office / "operator.json"))


def executor(folder, *arguments, code=0):
    """Run a verb; its JSON where it succeeds or finds differences, else what it said."""
    done = keeper("executor", *arguments, "--json", cwd=folder)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert PASSPHRASE not in done.stderr + done.stdout
    return json.loads(done.stdout) if done.stdout else done.stderr


AS_OWNER = ("--keystore", "owner.json", "--passphrase-file", "passphrase")


@pytest.fixture(scope="module")
def deployed(office, owner):
    """The executor's address, written into the configuration as the verb says."""
    told = keeper("executor", "deploy", "--owner", owner, "--treasury", to_checksum(TREASURY), cwd=office)
    assert told.returncode == 0, told.stderr
    with (office / "keeper.toml").open("a") as config:
        config.write("\n" + told.stdout)

    return told.stdout.split('"')[1]


@pytest.fixture
def folder(office, deployed, tmp_path):
    """A copy of the operator's files with the executor in the configuration."""
    assert deployed in (office / "keeper.toml").read_text()
    return shutil.copytree(office, tmp_path / "office")


def test_executor_deployed_again_is_found_where_it_is(folder, owner, operator, deployed):
    again = executor(folder, "deploy", "--owner", owner, "--treasury", to_checksum(TREASURY))
    assert again["address"] == deployed
    assert (again["owner"], again["guardian"], again["treasury"]) == (owner, owner, to_checksum(TREASURY))
    assert again["operators"] == [operator]
    assert again["start_block"] == 0, "its first events are older than the second command"


def test_executor_with_another_salt_is_another_one(folder, owner, deployed):
    other = executor(folder, "deploy", "--owner", owner, "--treasury", to_checksum(TREASURY), "--salt", "7")
    assert other["address"] != deployed


def test_executor_is_wired_by_its_owner_alone_and_then_verifies(folder, owner):
    """The order of an operator's first day, in one test because each step needs the one before."""
    before = executor(folder, "verify", code=ExecutorError.exit_code)
    assert any("is missing" in finding for finding in before["findings"])

    proposed = executor(folder, "allow", "--from-config", "--propose")
    assert (proposed["sent"], len(proposed["calls"]), proposed["calls"][0]["to"]) == (False, 1, before["address"])

    refused = executor(folder, "allow", "--from-config", code=ExecutorError.exit_code)
    assert f"the executor's owner is {owner}" in refused

    wired = executor(folder, "allow", "--from-config", *AS_OWNER)
    assert (wired["sent"], wired["changes"]) == (True, proposed["changes"])
    assert executor(folder, "verify", "--owner", owner, "--treasury", to_checksum(TREASURY))["findings"] == []

    again = executor(folder, "allow", "--from-config", *AS_OWNER)
    assert again["calls"] == []

    # Without the venue its factory is one too many, and only pruning takes it out.
    text = (folder / "keeper.toml").read_text()
    start, end = text.index("[[venue]]"), text.index("[[strategy]]")
    (folder / "keeper.toml").write_text(text[:start] + text[end:])
    surplus = executor(folder, "verify", code=ExecutorError.exit_code)["findings"]
    assert len(surplus) == 1
    assert surplus[0].endswith("is one too many")
    assert executor(folder, "allow", "--from-config", *AS_OWNER)["calls"] == []
    pruned = executor(folder, "allow", "--from-config", "--prune", *AS_OWNER)
    assert [change.split()[:2] for change in pruned["changes"]] == [["no", "factory"]]
    assert executor(folder, "verify")["findings"] == []


def test_executor_that_is_not_as_expected_is_told_difference_by_difference(folder):
    other = to_checksum(Address(b"\x55" * 20))
    found = executor(folder, "verify", "--treasury", other, code=ExecutorError.exit_code)["findings"]
    assert f"treasury is {to_checksum(TREASURY)}, not {other}" in found


def test_tokens_sent_there_by_mistake_are_swept_to_the_treasury(folder, chain, saved, deployed):
    usdc = saved.world.assets["USDC"]
    fund(chain, usdc, parse_address(deployed), 123_456_789)
    before = balance(chain, usdc, TREASURY)
    swept = executor(folder, "sweep", "--token", to_checksum(usdc.token), *AS_OWNER)
    assert swept["changes"] == [f"123456789 of {to_checksum(usdc.token)}"]
    assert balance(chain, usdc, TREASURY) - before == 123_456_789
    assert executor(folder, "sweep", "--token", to_checksum(usdc.token), "--propose")["calls"] == []


def test_executor_is_paused_and_its_operators_changed_by_its_owner(folder, operator):
    """An incident, in the order the runbook has it: pause, rotate, check, go on."""
    assert "owner is" in executor(folder, "pause", code=ExecutorError.exit_code)  # the operator's key is not asked
    assert executor(folder, "pause", *AS_OWNER)["changes"] == ["pause"]
    assert "it is paused" in executor(folder, "verify", code=ExecutorError.exit_code)["findings"]
    refused = keeper("run", "--live", "--until-idle", "1", cwd=folder)
    assert (refused.returncode, "is paused" in refused.stderr) == (ExecutorError.exit_code, True)

    new = to_checksum(Address(b"\x66" * 20))
    assert executor(folder, "operator", "add", new, *AS_OWNER)["changes"] == [f"setOperator {new} true"]
    assert new in executor(folder, "verify", code=ExecutorError.exit_code)["operators"]
    assert executor(folder, "operator", "remove", new, *AS_OWNER)["sent"] is True
    assert executor(folder, "verify", code=ExecutorError.exit_code)["operators"] == [operator]
    proposed = executor(folder, "unpause", "--propose")
    assert (proposed["sent"], proposed["calls"][0]["data"]) == (False, "0x3f4ba83a")  # unpause()
    assert executor(folder, "unpause", *AS_OWNER)["sent"] is True


def test_run_is_refused_where_the_owner_is_an_operator(folder, operator):
    made = executor(folder, "deploy", "--owner", operator, "--treasury", to_checksum(TREASURY))
    path = folder / "keeper.toml"
    text = path.read_text()
    path.write_text(text[: text.index("[executor]")] + f'[executor]\naddress = "{made["address"]}"\n')
    refused = keeper("run", "--live", "--until-idle", "1", cwd=folder)
    assert refused.returncode == SigningKeyError.exit_code
    assert f"{operator} is an operator and the executor's owner too" in refused.stderr


def test_run_with_a_native_usd_that_is_no_feed_is_refused_at_its_line(folder, saved):
    path = folder / "keeper.toml"
    token = to_checksum(saved.world.assets["USDC"].token)
    lines = path.read_text().splitlines()
    number = next(index for index, line in enumerate(lines) if line.startswith("native_usd"))
    lines[number] = f'native_usd = "{token}"'
    path.write_text("\n".join(lines))
    refused = keeper("run", "--until-idle", "1", cwd=folder)
    assert refused.returncode == ConfigError.exit_code
    assert f"keeper.toml:{number + 1}: [chain] native_usd: {token} gives no price" in refused.stderr


def test_executor_whose_owner_is_an_operator_is_told_so(folder, operator):
    made = executor(folder, "deploy", "--owner", operator, "--treasury", to_checksum(TREASURY))
    path = folder / "keeper.toml"
    text = path.read_text()
    path.write_text(text[: text.index("[executor]")] + f'[executor]\naddress = "{made["address"]}"\n')
    found = executor(folder, "verify", code=ExecutorError.exit_code)["findings"]
    assert any("the owner is an operator too" in finding for finding in found)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["deploy", "--owner", "0x12", "--treasury", "0x" + "22" * 20], 2, "'0x12' is not an address"),
        (["deploy", "--treasury", "0x" + "22" * 20], 2, "--owner"),
        (["allow"], 2, "--from-config"),
        (["allow", "--from-config", "--keystore", "absent.json", "--passphrase-file", "passphrase"], 3, "absent.json"),
        (["allow", "--from-config", "--keystore", "owner.json", "--passphrase-file", "no"], 3, "passphrase file no"),
    ],
)
def test_executor_verb_that_is_called_wrongly_says_what_it_wants(folder, arguments, code, said):
    assert code in (ConfigError.exit_code, SigningKeyError.exit_code)
    assert said in executor(folder, *arguments, code=code)


def test_executor_verb_without_the_table_says_where_it_comes_from(folder):
    path = folder / "keeper.toml"
    path.write_text(path.read_text()[: path.read_text().index("[executor]")])
    assert "`keeper executor deploy` printed" in executor(folder, "verify", code=ConfigError.exit_code)
