"""The acting half of a run: for a dry run a desk that stops after simulating, for a live one the key and its outbox."""

import time
from collections.abc import Mapping
from typing import Final

import structlog

from keeper.app.keys import max_fee_wei, needed, operators_of
from keeper.app.warm import Book
from keeper.app.wiring import bid_policy
from keeper.chain.live import LiveChain
from keeper.chain.vigil import DEVELOPMENT_CHAINS, ChainVigil
from keeper.config.derived import switch_path, thresholds
from keeper.config.model import ChainConfig, KeeperConfig, KeysConfig
from keeper.deployment import Deployment
from keeper.execution.account import OperatorAccount
from keeper.execution.booking import Bookkeeper
from keeper.execution.desk import Desk, DryRun, Live
from keeper.execution.explain import explain_revert, explains
from keeper.execution.governor import Governor
from keeper.execution.lane import Lane
from keeper.execution.learning import Learning
from keeper.execution.limits import Vigil
from keeper.execution.outbox import Outbox
from keeper.execution.sequencer import SequencerVigil
from keeper.execution.signer import Signer
from keeper.execution.simulate import Explain, Simulator
from keeper.execution.submit import PublicPool
from keeper.execution.switch import Switch
from keeper.execution.track import Tracker
from keeper.journal.store import Journal
from keeper.rivals import MarketRivals
from keeper.settler import MarketSettler
from keeper.types import Address

SHORT_BREAK_BLOCKS: Final = 25
"""A restart within so many blocks of the last pass goes on at once: five minutes on Ethereum."""

log = structlog.get_logger(__name__)


def build_desk(
    config: KeeperConfig, chain: LiveChain, journal: Journal, book: Book, signers: tuple[Signer, ...]
) -> Desk:
    """Assemble the desk; without signers it stops after simulating. `SigningKeyError` after a kill, until resumed."""
    policies = {strategy.name: bid_policy(strategy) for strategy in config.strategies}
    explain = _explain({deployment.name: deployment for deployment in book.deployments})
    governor = Governor(journal, thresholds(config.governor), Switch(switch_path(config)), started_at=int(time.time()))
    if not signers:
        return Desk(journal, _rehearsal(config, chain, explain), policies, DryRun(governor))

    keys, executor = needed(config)
    governor.refuse_killed()
    settler = MarketSettler(chain, book.deployments, book.pools, executor.address)
    bookkeeper = Bookkeeper(chain, journal, settler, explain)
    lanes = []
    for signer in signers:
        outbox = Outbox(signer, PublicPool(chain), journal, governor, max_fee_wei=max_fee_wei(config))
        tracker = Tracker(chain, outbox, journal, bookkeeper, confirmations=config.chain.confirmations)
        account = OperatorAccount(chain, journal, signer.address, warning_days=keys.gas_warning_days)
        watched = _heads_to_watch(keys, journal, signer.address, book)
        lanes.append(Lane(account, outbox, tracker, watch_heads=watched))

    learning = Learning(journal, MarketRivals(chain, book.deployments, executor.address))
    simulator = Simulator(chain, signers[0].address, explain)
    return Desk(journal, simulator, policies, Live(tuple(lanes), governor, learning, _vigils(config.chain, chain)))


def _vigils(config: ChainConfig, chain: LiveChain) -> tuple[Vigil, ...]:
    """Judge heads by the world's clock, except on a chain whose clock a developer holds; and a rollup's sequencer."""
    now = None if config.id in DEVELOPMENT_CHAINS else time.time
    heads = ChainVigil(chain.endpoints, config.block_time_s, now)
    if config.sequencer_feed is None:
        return (heads,)

    return heads, SequencerVigil(chain, config.sequencer_feed, config.sequencer_grace_s)


def _heads_to_watch(keys: KeysConfig, journal: Journal, address: Address, book: Book) -> int:
    """For how long to look for somebody else with the key: not at all after a short break of our own.

    Whoever used it before the break would have been noticed then, and whoever used it since shows in its nonce.
    """
    last = journal.last_block()
    is_known = journal.transactions.first_nonce(address) is not None
    if is_known and last is not None and 0 <= book.head.number - last <= SHORT_BREAK_BLOCKS:
        return 0

    return keys.doppelganger_blocks


def _rehearsal(config: KeeperConfig, chain: LiveChain, explain: Explain) -> Simulator | None:
    """What a dry run simulates with: the configured key's orders to the executor; None where one is missing."""
    operator = next(iter(operators_of(config)), None)
    if operator is None or config.executor is None:
        if config.strategies:
            log.warning("plans_not_simulated", why="a dry run simulates with an executor and a key it obeys")
        return None

    return Simulator(chain, operator, explain)


def _explain(deployments: Mapping[str, Deployment]) -> Explain:
    """Name reverts in the executor's words, else in the words of the deployment they came from."""

    def explain(deployment: str, revert: bytes) -> str:
        found = deployments.get(deployment)
        if found is None or explains(revert):
            return explain_revert(revert)

        return found.adapter.encoder.explain(revert)

    return explain
