"""One run, all of it drawn from one integer: a busy market, a hostile chain, deaths and restarts, peace, an audit."""

import random
import shutil
from dataclasses import dataclass, field

from auditor.__main__ import Place, examine
from eth_hash.auto import keccak

from keeper.sandbox.node import Node
from keeper.types import to_checksum
from keeper.units import GWEI, WAD
from tests.anvil.desk_world import PAYS_80_ONCE_IN_TIME
from tests.fakes.geth_rules import SEND, Loss
from tests.fakes.plans import EXECUTOR
from tests.faults.kill.life import Estate, Life
from tests.faults.kill.points import POINTS, Death, Kind

BUSY_BLOCKS = 5
MOST_DEATHS = 3
REORG_BLOCK = 3
FIRST_POSITIONS = 3
PATIENCE_BLOCKS = 60
QUIET_BLOCKS = 2
KEYS = 2
RIVAL = "0x" + "77" * 20
LOSSES = (Loss.REQUEST, Loss.ANSWER, Loss.BUSY, Loss.DENIED)
BASE_FEES_GWEI = (1, 1, 1, 4, 12, 60, 150)


@dataclass
class Told:
    """What came of a run: how often the keeper died, where by name, and what the auditor found wrong."""

    seed: int
    deaths: list = field(default_factory=list)
    faults: list = field(default_factory=list)
    blocks: int = 0


class Ground:
    """The standing chain, and the rules in front of it: each run has keys and positions of its own there."""

    def __init__(self, anvil_url, rules_url):
        self.anvil_url = anvil_url
        self.rules_url = rules_url
        self.node = Node(anvil_url)
        self._rules = Node(rules_url)
        self.node.rpc("anvil_setCode", to_checksum(EXECUTOR), PAYS_80_ONCE_IN_TIME)
        self.node.rpc("anvil_setBalance", RIVAL, hex(10**6 * WAD))

    def begin(self, senders):
        """Give a run's keys their money, and a few blocks that no reorganisation reaches below."""
        self.heal()
        self.node.rpc("anvil_dropAllTransactions")
        for sender in senders:
            self.node.rpc("anvil_setBalance", to_checksum(sender), hex(100 * WAD))

        self.node.rpc("anvil_setNextBlockBaseFeePerGas", hex(GWEI))
        self.node.rpc("anvil_mine", "0x3")

    def lose(self, loss):
        self._rules.rpc("rules_lose", SEND, loss)

    def heal(self):
        self._rules.rpc("rules_heal")

    def pool(self):
        content = self.node.rpc("txpool_content")
        return [tx["hash"] for kind in content.values() for txs in kind.values() for tx in txs.values()]


class Story:
    def __init__(self, ground, folder, seed, sabotage=None):
        self._ground = ground
        secrets = tuple(keccak(f"{seed}/{key}".encode()) for key in range(KEYS))
        first = FIRST_POSITIONS + int.from_bytes(secrets[0][:8])
        self._estate = Estate(folder, ground.rules_url, secrets, first, sabotage)
        self._folder = folder
        self._told = Told(seed)
        self._lives = 0
        self._life = None
        # The first death of each run is at the next point in line, so that few runs meet them all.
        self._first = POINTS[seed % len(POINTS)]
        self._needs_reorg = "orphan" in self._first
        self._needs_refusal = "record_verdict" in self._first

    def _rng(self, *what):
        """Chance for one thing alone: when a clock strikes elsewhere, everything else stays as it was."""
        return random.Random(f"{self._told.seed}/{what}")

    def run(self):
        """Play it; what came of it."""
        self._folder.mkdir(parents=True)
        self._ground.begin(self._estate.senders)
        try:
            for block in range(BUSY_BLOCKS):
                self._disturb(block)
                self._one_head(FIRST_POSITIONS + block)
                self._mine(block)

            self._rest()
        finally:
            if self._life is not None:
                self._life.end()

        if not self._told.faults:
            self._told.faults = examine(Place(str(self._folder / "keeper.db")), self._ground.anvil_url, at_rest=True)

        if not self._told.faults:
            shutil.rmtree(self._folder)

        return self._told

    def _one_head(self, positions):
        """Take the keeper through a head, however often it dies on the way."""
        while True:
            if self._life is None:
                self._death = self._draw_death(positions)
                self._life = Life(self._estate, self._death)
                self._lives += 1

            if self._life.step(positions):
                disarmed = [why for why in self._life.answer["disarmed"] if why is not None]
                self._told.faults += [f"a key was disarmed: {why}" for why in disarmed]
                return

            if self._life.error is not None:
                self._told.faults.append(self._life.error)
                self._life = None
                return

            self._told.deaths.append(self._death.point or self._death.kind.value)
            self._life = None
            if self._rng("down", self._lives).random() < 0.4:  # down for a block
                return

    def _draw_death(self, positions):
        rng = self._rng("death", self._lives)
        if positions == 0 or self._lives > MOST_DEATHS:
            return Death(Kind.NONE)

        if self._lives == 0:
            return Death(Kind.POINT, 0, self._first)

        kind = rng.choice((Kind.POINT, Kind.LINE, Kind.LINE, Kind.STATEMENT, Kind.CLOCK, Kind.NONE))
        if kind is Kind.POINT:
            return Death(kind, rng.randrange(3), rng.choice(POINTS))

        most = {Kind.LINE: 3_000, Kind.STATEMENT: 400, Kind.CLOCK: 60, Kind.NONE: 1}[kind]
        return Death(kind, rng.randrange(most))

    def _disturb(self, block):
        """Do something to the chain, or to what the keeper sends next."""
        if self._needs_refusal and block == 1:
            self._ground.lose(Loss.DENIED)

        if self._is_calm(block):
            return

        rng, node = self._rng("disturb", block), self._ground.node
        if rng.random() < 0.3:
            self._ground.lose(rng.choice(LOSSES))

        if rng.random() < 0.2 and (pending := sorted(self._ground.pool())):
            node.rpc("anvil_dropTransaction", rng.choice(pending))

        if rng.random() < 0.25:
            index = self._estate.first_position + rng.randrange(FIRST_POSITIONS + block)
            data = "0x12345678" + index.to_bytes(32).hex() + (10**9).to_bytes(32).hex()
            fees = {"maxFeePerGas": hex(500 * GWEI), "maxPriorityFeePerGas": hex(50 * GWEI), "gas": hex(100_000)}
            node.rpc("eth_sendTransaction", {"from": RIVAL, "to": to_checksum(EXECUTOR), "data": data} | fees)

    def _mine(self, block):
        rng, node = self._rng("mine", block), self._ground.node
        wants_reorg = rng.random() < 0.15
        if block >= 2 and (wants_reorg or (self._needs_reorg and block == REORG_BLOCK)):
            node.rpc("anvil_reorg", rng.randrange(1, 3), [])

        if self._is_calm(block):
            self._mine_one(1)
        elif rng.random() < 0.85:
            self._mine_one(rng.choice(BASE_FEES_GWEI))

    def _is_calm(self, block):
        """Whether nothing may come between this block and what the first death waits for."""
        return (self._needs_reorg and block < REORG_BLOCK) or (self._needs_refusal and block <= 1)

    def _mine_one(self, base_fee_gwei):
        self._ground.node.rpc("anvil_setNextBlockBaseFeePerGas", hex(base_fee_gwei * GWEI))
        self._ground.node.rpc("evm_mine")
        self._told.blocks += 1

    def _rest(self):
        """Let the last life finish what is under way, on a chain that only does its duty."""
        self._ground.heal()
        quiet = 0
        for _ in range(PATIENCE_BLOCKS):
            self._mine_one(1)
            self._one_head(0)
            if self._told.faults:
                return

            is_quiet = self._life is not None and self._life.answer["open"] == 0 and not self._ground.pool()
            quiet = quiet + 1 if is_quiet else 0
            if quiet == QUIET_BLOCKS:
                return

        self._told.faults.append(f"never came to rest: {self._life.answer}")
