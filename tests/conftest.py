"""What every test shares: which tests run by default, how large random tests are, and what was left out."""

import os

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.canary", "tests.postgres_fixtures", "tests.sandbox_fixtures"]

FORK_URL = "KEEPER_FORK_URL"
LEFT_OUT = "fork_tests_left_out"

# A shared machine stalls now and then: the time of one example says nothing.
settings.register_profile("default", deadline=None, derandomize=True, max_examples=100)
settings.register_profile(
    "full", deadline=None, max_examples=5_000, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="run the large counts too, on fresh random seeds")


@pytest.hookimpl(tryfirst=True)  # hypothesis reads the seed in the same hook
def pytest_configure(config):
    settings.load_profile("full" if config.getoption("full") else "default")

    if not config.getoption("full") or config.getoption("hypothesis_seed", None) is not None:
        return

    seed = getattr(config, "workerinput", {}).get("full_seed")
    config.option.hypothesis_seed = int.from_bytes(os.urandom(4)) if seed is None else seed


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """Tell each xdist worker the seed, so that one number repeats the run."""
    if node.config.getoption("full"):
        node.workerinput["full_seed"] = node.config.option.hypothesis_seed


def pytest_report_header(config):
    if config.getoption("full"):
        return f"large counts; repeat with --full --hypothesis-seed={config.option.hypothesis_seed}"

    return None


def pytest_collection_modifyitems(config, items):
    """Leave out what was not asked for: large counts, and tests that need an operator's RPC."""
    left_out = [] if os.environ.get(FORK_URL) else [item for item in items if item.get_closest_marker("fork")]
    config.stash[_fork_left_out] = [item.nodeid for item in left_out]

    if not config.getoption("full"):
        left_out += [item for item in items if item.get_closest_marker("full")]

    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def pytest_sessionfinish(session):
    output = getattr(session.config, "workeroutput", None)

    if output is not None:
        output[LEFT_OUT] = session.config.stash.get(_fork_left_out, [])


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    node.config.stash.setdefault(_fork_left_out, [])
    node.config.stash[_fork_left_out] += getattr(node, "workeroutput", {}).get(LEFT_OUT, [])


def pytest_terminal_summary(terminalreporter, config):
    left_out = sorted(set(config.stash.get(_fork_left_out, [])))

    if left_out:
        terminalreporter.section(f"not run: needs {FORK_URL}", sep="-")

        for test in left_out:
            terminalreporter.line(test)


_fork_left_out = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def random_seed(pytestconfig):
    """The seed for tests that draw their own numbers: fixed by default, drawn anew and printed with --full."""
    return pytestconfig.option.hypothesis_seed if pytestconfig.getoption("full") else 20_260_101
