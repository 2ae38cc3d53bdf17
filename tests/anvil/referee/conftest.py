"""The scene is played once for all tests of the referee, and its first act judged once."""

import json
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from referee import manifest as manifests
from referee import report as reports
from referee.build import SOURCE, compile_sources
from referee.judge import open_judge
from referee.rpc import Rpc
from referee.verdict import decide

from tests.anvil.referee.scene import SCRIPTS, WINDOW, open_positions, play


@pytest.fixture(scope="session")
def liquidator():
    """Compile the executor of these tests."""
    sources = {SOURCE: (SCRIPTS / "referee" / SOURCE).read_text()}
    sources["TestLiquidator.sol"] = Path(__file__).with_name("TestLiquidator.sol").read_text()
    return bytes.fromhex(compile_sources(sources)["TestLiquidator"])


@pytest.fixture(scope="session")
def played(packages, saved, liquidator):
    from keeper.sandbox.anvil import Anvil, AnvilOptions
    from keeper.sandbox.chain import LocalChain

    with saved.start(packages) as source:
        chain = LocalChain(source.url)
        open_positions(chain, saved.world)
        chain.close()

        with Anvil(packages, AnvilOptions(fork_url=source.url)) as fork:
            chain = LocalChain(fork.url)
            yield play(chain, fork.url, saved.world, liquidator)
            chain.close()


def judging(played, folder):
    """Return a function that judges blocks under a changed manifest, and close its connections at the end."""
    with ExitStack() as stack:

        def judge_until(last, **changes):
            judge = stack.enter_context(opened(played, folder, **changes))
            judge.finish(last)
            return judge

        yield judge_until


@contextmanager
def opened(played, folder, **changes):
    path = folder / "manifest.json"
    path.write_text(json.dumps(played.manifest | changes))
    rules = manifests.load(path)

    with closing(Rpc(played.url)) as rpc:
        yield open_judge(rpc, rules, rules.run_block)


@pytest.fixture
def judged(played, tmp_path):
    yield from judging(played, tmp_path)


@pytest.fixture(scope="session")
def judge(played, tmp_path_factory):
    """Judge the first act once, in which everything that paid was landed."""
    with opened(played, tmp_path_factory.mktemp("judge")) as judge:
        judge.finish(played.settled)
        yield judge


@pytest.fixture
def verdict(tmp_path):
    """Return a function that decides on a judge's records and a report's rows."""

    def verdict_on(judge, rows):
        path = tmp_path / "report.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return decide(judge, reports.load(path), WINDOW, 0)

    return verdict_on


@pytest.fixture
def follower(played, tmp_path):
    """A judge of its own, to be driven by the test."""
    with opened(played, tmp_path) as judge:
        yield judge
