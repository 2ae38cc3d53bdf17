"""Nothing leaves the key when something is wrong: the real keeper on the real contracts, one fault after another.

One borrower holds 1 WBTC against 42,000 USDC. Its position can be liquidated at 52,000 dollars, again and again, each
time with another fault beside it; then with none, and it is. Whether anything was sent is asked of the chain, why not
of `keeper report`. Three more borrowers are never worth it, each for a reason of its own.
"""

import os
import signal
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest
from eth_hash.auto import keccak

from keeper.execution.allowlist import Allowlist, Kind, Rule, encode_configure
from keeper.protocols.aave_v3.abi import LIQUIDATION_CALL
from keeper.protocols.words import selector
from keeper.sandbox.aave import borrow, supply
from keeper.sandbox.assets import balance
from keeper.sandbox.chain import Transaction
from keeper.sandbox.feeds import DOLLAR, price_update, set_price
from keeper.sandbox.node import to_hex
from keeper.sandbox.stage.clock import Clock
from keeper.sandbox.stage.command import json_lines, keeper, keeper_command
from keeper.sandbox.stage.operator import TREASURY, Operator, settle_in
from keeper.sandbox.stage.process import Process
from keeper.sandbox.stage.trial import Watch
from keeper.sandbox.uniswap_v3 import move_price
from keeper.types import ZERO_ADDRESS, Address, parse_address, to_checksum
from keeper.units import WAD
from tests.fakes.tables import aave_v3_table

pytestmark = [pytest.mark.anvil, pytest.mark.timeout(300)]

LISTED = 60_000 * DOLLAR
FALLEN = 52_000 * DOLLAR
"""42,000 owed against 52,000 * 78 % = 40,560: health 0.966, so a call may repay half."""
FALLEN_AGAIN = 43_000 * DOLLAR
"""Two calls repay 7,960, just short of healing, and half of the rest. Then 17,020 is owed against about
0.4956 * 43,000 * 78 % = 16,620: health 0.977."""
MAIN, DUST, UNTRUSTED, STRANDED = range(1, 5)
FAULTY_BLOCKS = 2
IDLE_BLOCKS = 30
"""More than any fault but a failing simulation lasts: a keeper that plans nothing is idle."""
TRIED_BLOCKS = 4
END_S = 60
RESERVES_SLOT = 52
"""Where the pool keeps its reserves, by asset; the configuration comes first in each."""
NEW_BONUS_BPS = 10_900
BONUS_BIT = 32
"""Where in the configuration the bonus stands, 16 bits wide, in bps."""
REVERTS = bytes.fromhex("5f5ffd")
"""A contract that refuses every call."""
LONG_AGO_S = 100_000
"""Longer than the 90,000 s that a price may be old by default."""


@dataclass(frozen=True)
class Ground:
    """A market with its borrowers, and an operator ready to start; `executor` is the operator's."""

    scene: object
    operator: Operator
    executor: Address

    @property
    def chain(self):
        return self.scene.chain

    @property
    def nonce(self):
        return int(self.chain.node.rpc("eth_getTransactionCount", to_hex(self.operator.account), "latest"), 16)

    def price(self, symbol, answer):
        return price_update(self.chain, self.scene.asset(symbol).feed, answer)

    @property
    def owner(self):
        return self.chain.call(self.executor, "owner()(address)")

    def by_owner(self, function, *values):
        return self.chain.transaction(self.executor, function, *values, sender=self.owner)

    def reports(self):
        """The report's rows by borrower, as an operator gets them."""
        text = keeper(("report", "--config", str(self.operator.config), "--json"), self.operator.environ)
        rows = json_lines(text)
        names = {who: to_checksum(self.chain.accounts[who]) for who in (MAIN, DUST, UNTRUSTED, STRANDED)}
        return {who: [row for row in rows if row["position"] == name] for who, name in names.items()}


@dataclass(frozen=True)
class Fault:
    """What is wrong for a while; each returns transactions for one block, or does it to the chain itself."""

    begin: Callable[[Ground], list]
    end: Callable[[Ground], list]


@dataclass
class Happened:
    """What the chain said while a fault lasted: the blocks the keeper looked at, and its nonce around them."""

    blocks: range
    nonces: tuple


@dataclass
class Story:
    """A run with every fault in turn."""

    faulty: dict = field(default_factory=dict)
    reports: dict = field(default_factory=dict)
    sound_block: int = 0
    sound_nonces: tuple = ()
    treasury: int = 0


# The faults -------------------------------------------------------------------------------------------------------


def feed_says(symbol, answer, usual):
    return Fault(lambda on: [on.price(symbol, answer)], lambda on: [on.price(symbol, usual)])


def source_of_wbtc(source):
    """The pool's admin takes the collateral's price source away, or puts it back."""

    def act(on):
        asset = on.scene.asset("WBTC")
        function = "setAssetSources(address[],address[])"
        return [on.chain.transaction(on.scene.aave.oracle, function, [asset.token], [source(asset)])]

    return act


def old_native_price(on):
    feed, then = on.scene.asset("WETH").feed, on.chain.timestamp() - LONG_AGO_S
    return [on.chain.transaction(feed.aggregator, "setAnswerAt(int256,uint256)", 3_000 * DOLLAR, then)]


def liquidating(kind):
    """The owner takes the pool's liquidations off the executor's list, or puts them back."""

    def act(on):
        pool = on.scene.aave.pool
        rule = Rule(pool, selector(LIQUIDATION_CALL), kind, None if kind is Kind.NONE else pool)
        return [Transaction(on.owner, on.executor, encode_configure(Allowlist(rules=(rule,))))]

    return act


def feed_that_reverts():
    """Answers still arrive behind the feed; whoever asks it gets a revert."""
    code = []

    def begin(on):
        feed = on.scene.asset("WBTC").feed.proxy
        code.append(on.chain.code(feed))
        on.chain.set_code(feed, REVERTS)
        return []

    def end(on):
        on.chain.set_code(on.scene.asset("WBTC").feed.proxy, code.pop())
        return []

    return Fault(begin, end)


def operator_allowed(allowed):
    return lambda on: [on.by_owner("setOperator(address,bool)", on.operator.account, allowed)]


FAULTS = {
    "collateral price of zero": feed_says("WBTC", 0, LISTED),
    "debt price of zero": feed_says("USDC", 0, DOLLAR),
    "negative price": feed_says("WBTC", -1, LISTED),
    "executor paused": Fault(lambda on: [on.by_owner("pause()")], lambda on: [on.by_owner("unpause()")]),
    "price feed reverts": feed_that_reverts(),
    "price source removed": Fault(
        source_of_wbtc(lambda _: ZERO_ADDRESS), source_of_wbtc(lambda asset: asset.feed.proxy)
    ),
    "key no longer an operator": Fault(operator_allowed(False), operator_allowed(True)),
    "native price of zero": feed_says("WETH", 0, 3_000 * DOLLAR),
    "native price stale": Fault(old_native_price, lambda on: [on.price("WETH", 3_000 * DOLLAR)]),
    "liquidating not on the list": Fault(liquidating(Kind.NONE), liquidating(Kind.CALL)),
}


# The stage --------------------------------------------------------------------------------------------------------


def open_positions(scene):
    """Four borrowers, all healthy at the listed prices but the last, whose collateral nobody would buy."""
    holdings = {
        MAIN: ("WBTC", 1, "USDC", 42_000),
        # A bonus of cents, and a pool that pays 60,000 still, come to less than the gas and the floor of 5 dollars.
        DUST: ("WBTC", 0.0003, "USDC", 12.6),
        UNTRUSTED: ("WBTC", 1, "DAI", 42_000),
        STRANDED: ("LINK", 2_000, "USDC", 19_000),
    }
    for who, (held, much, owed, many) in holdings.items():
        supply(scene.chain, scene.aave, scene.asset(held), scene.chain.accounts[who], scene.asset(held).units(much))
        borrow(scene.chain, scene.aave, scene.asset(owed), scene.chain.accounts[who], scene.asset(owed).units(many))

    set_price(scene.chain, scene.asset("LINK").feed, 12 * DOLLAR)
    uniswap = scene.world.uniswap
    move_price(scene.chain, uniswap, uniswap.pools["LINK/WETH/3000"], scene.asset("LINK"), 9_900)


@pytest.fixture(scope="module")
def settled(running_scene, tmp_path_factory):
    """The operator and the borrowers, made once; the operator does not trust DAI."""
    chain, node = running_scene.chain, running_scene.chain.node
    snapshot = node.rpc("evm_snapshot")
    world, folder = running_scene.world, tmp_path_factory.mktemp("operator")
    operator = settle_in(chain, world, folder, running_scene.anvil.ws_url, [aave_v3_table(world)])
    text = operator.config.read_text()
    dai = f', "{to_checksum(running_scene.asset("DAI").token)}"'
    assert text.count(dai) == 1
    operator.config.write_text(text.replace(dai, ""))
    (line,) = [line for line in text.splitlines() if line.startswith("address = ")]
    open_positions(running_scene)
    ground = Ground(running_scene, operator, parse_address(line.split('"')[1]))
    chain.set_balance(ground.owner, 1_000 * WAD)  # to be first in a block is dear
    yield ground
    chain.revert(snapshot)


@contextmanager
def one_run(settled, folder, change=lambda text: text):
    """The same for one run: a configuration and a journal of its own, and a chain that forgets what the run did."""
    node, home = settled.chain.node, settled.operator
    snapshot = node.rpc("evm_snapshot")
    config = home.config.with_name(f"{folder.name}.toml")
    config.write_text(change(home.config.read_text()))
    files = {"KEEPER__RUN__JOURNAL": str(folder / "keeper.db"), "KEEPER__RUN__RECORDING": str(folder / "passes.rec")}
    operator = replace(home, folder=folder, config=config, environ={**home.environ, **files})
    try:
        yield replace(settled, operator=operator)
    finally:
        node.rpc("anvil_dropAllTransactions")
        node.rpc("evm_setAutomine", True)
        settled.chain.revert(snapshot)


class Run:
    """A keeper in a process of its own; the chain mines when told to and waits for the keeper after every block."""

    def __init__(self, ground, idle_blocks=IDLE_BLOCKS):
        operator = ground.operator
        options = ("--config", str(operator.config), "--live", "--until-idle", str(idle_blocks), "--json")
        self.process = Process("keeper", [keeper_command(), "run", *options], operator.folder, operator.environ)
        self._clock = Clock(ground.chain, 0)
        self._watch = Watch(self.process, lambda _: None)

    def __enter__(self):
        while self._watch.answered < 0:
            assert self.process.exit_code is None, self.process.tail()
            self.block()

        return self

    def __exit__(self, *error):
        self.process.__exit__(*error)

    def block(self, moves=()):
        """Mine one block, the moves first in it, and let the keeper answer; its number."""
        number = self._clock.tick(moves)
        self._watch.after_block(number)
        return number

    def finish(self):
        """Have it told to stop, as a person would."""
        os.kill(self.process.pid, signal.SIGTERM)
        self.block()
        assert self.process.wait(END_S) == 0, self.process.tail()


def live_through(ground, run, fault):
    """The fault and the fall come in one block; both are gone, in one block, after a few."""
    before = ground.nonce
    first = run.block([ground.price("WBTC", FALLEN), *fault.begin(ground)])
    for _ in range(FAULTY_BLOCKS - 1):
        run.block()

    happened = Happened(range(first, first + FAULTY_BLOCKS), (before, ground.nonce))
    run.block([*fault.end(ground), ground.price("WBTC", LISTED)])
    return happened


def set_bonus(ground, symbol, bonus_bps):
    """Write a bonus into the pool's storage: no event says so."""
    chain, pool, token = ground.chain, to_hex(ground.scene.aave.pool), ground.scene.asset(symbol).token
    slot = to_hex(keccak(token.rjust(32, b"\0") + RESERVES_SLOT.to_bytes(32, "big")))
    word = int(chain.node.rpc("eth_getStorageAt", pool, slot, "latest"), 16)
    assert word >> BONUS_BIT & 0xFFFF == ground.scene.asset(symbol).listing.bonus_bps, "not where the bonus is"
    changed = word & ~(0xFFFF << BONUS_BIT) | bonus_bps << BONUS_BIT
    chain.node.rpc("anvil_setStorageAt", pool, slot, to_hex(changed.to_bytes(32, "big")))


@pytest.fixture(scope="module")
def story(settled, tmp_path_factory):
    """Every fault in turn, then none, then a bonus that changed without a word."""
    with one_run(settled, tmp_path_factory.mktemp("story")) as ground:
        told = Story()
        with Run(ground) as run:
            for name, fault in FAULTS.items():
                told.faulty[name] = live_through(ground, run, fault)

            told.sound_block = run.block([ground.price("WBTC", FALLEN)])
            before = ground.nonce
            for _ in range(TRIED_BLOCKS):
                run.block()

            told.sound_nonces = (before, ground.nonce)
            set_bonus(ground, "WBTC", NEW_BONUS_BPS)
            run.block([ground.price("WBTC", FALLEN_AGAIN)])
            for _ in range(TRIED_BLOCKS):
                run.block()

            told.treasury = balance(ground.chain, ground.scene.asset("USDC"), TREASURY)
            run.finish()

        told.reports = ground.reports()

    return told


@pytest.fixture(scope="module")
def dear(settled, tmp_path_factory):
    """A run on sound prices whose strategy wants more than there is; it ends by itself."""

    def ask_much(text):
        assert text.count('min_profit = "5 USD"') == 1
        return text.replace('min_profit = "5 USD"', 'min_profit = "5000 USD"')

    with one_run(settled, tmp_path_factory.mktemp("dear"), ask_much) as ground:
        before = ground.nonce
        with Run(ground, idle_blocks=TRIED_BLOCKS) as run:
            run.block([ground.price("WBTC", FALLEN)])
            while run.process.exit_code is None:
                run.block()

            assert run.process.exit_code == 0, run.process.tail()

        return ground.reports(), (before, ground.nonce)


# What must be true ------------------------------------------------------------------------------------------------


def rows_in(story, who, blocks):
    """What the report says of a borrower that was last so in these blocks."""
    return [row for row in story.reports[who] if row["block"] in blocks]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("collateral price of zero", "unknown_price"),
        ("negative price", "unknown_price"),
        ("debt price of zero", "unknown_price"),
        ("price feed reverts", "unknown_price"),
        ("price source removed", "unknown_price"),
        ("native price of zero", "unknown_price"),
        ("native price stale", "stale_price"),
    ],
)
def test_price_that_is_missing_or_stale_keeps_everything_at_home(story, fault, reason):
    happened = story.faulty[fault]
    assert happened.nonces == (0, 0)
    found = {(row["status"], row["reason"]) for row in rows_in(story, MAIN, happened.blocks)}
    assert found == {("declined", reason)}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("executor paused", "Paused"),
        ("key no longer an operator", "NotOperator"),
        ("liquidating not on the list", "NotAllowed"),
    ],
)
def test_plan_that_fails_its_simulation_is_not_sent(story, fault, words):
    happened = story.faulty[fault]
    rows = rows_in(story, MAIN, happened.blocks)
    assert happened.nonces == (0, 0)
    assert {row["status"] for row in rows} == {"simulation_failed"}
    assert len(rows) == FAULTY_BLOCKS
    assert all(row["reason"].startswith("simulation_failed: revert ") and words in row["reason"] for row in rows)
    assert {row["tx_hash"] for row in rows} == {None}


def test_position_without_a_fault_is_liquidated_for_what_was_expected(story):
    """The twin of every refusal: the same position, the same price, the same run."""
    row = next(row for row in story.reports[MAIN] if row["status"] == "landed")
    assert row["block"] == story.sound_block + 1
    assert story.sound_nonces == (0, 1)
    assert row["expected_profit"] == row["settled_profit"] == row["realised_profit"]
    assert bonus_paid_bps(row, FALLEN) == 10_450  # 5 % less the protocol's tenth of it


def test_bonus_changed_without_an_event_is_followed_to_the_wei(story):
    row = [row for row in story.reports[MAIN] if row["status"] == "landed"][1]
    assert row["expected_profit"] == row["settled_profit"] == row["realised_profit"]
    assert bonus_paid_bps(row, FALLEN_AGAIN) == 10_810  # 9 % less the protocol's tenth of it


def bonus_paid_bps(row, price):
    """What was received over what was repaid, at the feed's prices: WBTC has 8 decimals, USDC 6, to the nearest bps."""
    received, repaid = int(row["seized"]) * price, int(row["repaid"]) * 10**10
    return round(received * 10_000 / repaid)


def test_treasury_has_what_the_report_says_and_nothing_else_was_sent(story):
    landed = [row for rows in story.reports.values() for row in rows if row["tx_hash"] is not None]
    assert [row["status"] for row in landed] == ["landed", "landed"]
    assert story.treasury == sum(int(row["realised_profit"]) for row in landed)


@pytest.mark.parametrize(
    ("who", "reason"),
    [(DUST, "below_min_profit"), (UNTRUSTED, "untrusted_profit_token"), (STRANDED, "unprofitable")],
)
def test_position_that_is_not_worth_it_is_declined_where_another_is_liquidated(story, who, reason):
    rows = story.reports[who]
    assert {row["status"] for row in rows} == {"declined"}
    assert reason in {row["reason"] for row in rows if row["block"] >= story.sound_block}
    assert {row["tx_hash"] for row in rows} == {None}


def test_profit_below_the_floor_the_operator_set_is_left(dear):
    """The very position that is liquidated elsewhere: it is worth 4,000 dollars, not 5,000."""
    reports, nonces = dear
    assert nonces == (0, 0)
    assert {(row["status"], row["reason"]) for row in reports[MAIN]} == {("declined", "below_min_profit")}
