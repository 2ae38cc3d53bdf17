"""The acting half of a run: for a dry run a desk that stops after simulating, for a live one the key and its outbox."""

import sys
from collections.abc import Mapping
from getpass import getpass

from keeper.app.warm import Book
from keeper.app.wiring import bid_policy
from keeper.chain.live import LiveChain
from keeper.config.model import ExecutorConfig, KeeperConfig, KeysConfig
from keeper.deployment import Deployment
from keeper.errors import ConfigError, SigningKeyError
from keeper.execution.account import OperatorAccount
from keeper.execution.booking import Bookkeeper
from keeper.execution.calldata import EXECUTE_SELECTOR
from keeper.execution.desk import Desk, Live
from keeper.execution.explain import explain_revert, explains
from keeper.execution.keys import open_keystore, read_address, read_passphrase
from keeper.execution.lane import Lane
from keeper.execution.outbox import Outbox
from keeper.execution.signer import LocalSigner, SigningPolicy
from keeper.execution.simulate import Explain, Simulator
from keeper.execution.submit import PublicPool
from keeper.execution.track import Tracker
from keeper.journal.store import Journal
from keeper.settler import MarketSettler
from keeper.types import ZERO_ADDRESS, Address


def open_signer(config: KeeperConfig) -> LocalSigner:
    """Open the operator key of a live run: first of all, so that a wrong passphrase costs no warming up."""
    keys, executor = _needed(config)
    signing = SigningPolicy(
        config.chain.id, frozenset({executor.address}), frozenset({EXECUTE_SELECTOR}), _max_fee_wei(config)
    )
    return LocalSigner(open_keystore(keys.keystore, passphrase(keys)), signing)


def build_desk(
    config: KeeperConfig, chain: LiveChain, journal: Journal, book: Book, signer: LocalSigner | None
) -> Desk:
    """Assemble the desk; without a signer it stops after simulating."""
    policies = {strategy.name: bid_policy(strategy) for strategy in config.strategies}
    explain = _explain({deployment.name: deployment for deployment in book.deployments})
    if signer is None:
        return Desk(journal, Simulator(chain, _operator(config), explain), policies)

    keys, executor = _needed(config)
    outbox = Outbox(signer, PublicPool(chain), journal, max_fee_wei=_max_fee_wei(config))
    settler = MarketSettler(chain, book.deployments, book.pools, executor.address)
    bookkeeper = Bookkeeper(chain, journal, settler, explain)
    tracker = Tracker(chain, outbox, journal, bookkeeper, confirmations=config.chain.confirmations)
    account = OperatorAccount(chain, journal, signer.address, warning_days=keys.gas_warning_days)
    live = Live((Lane(account, outbox, tracker),))
    return Desk(journal, Simulator(chain, signer.address, explain), policies, live)


def passphrase(keys: KeysConfig) -> str:
    """Read the passphrase from its file, or ask a person for it."""
    if keys.passphrase_file is not None:
        return read_passphrase(keys.passphrase_file)

    if not sys.stdin.isatty():
        raise SigningKeyError("no terminal to ask for the passphrase at: name its file in [keys] passphrase_file")

    return getpass(f"Passphrase of {keys.keystore}: ")


def _max_fee_wei(config: KeeperConfig) -> int:
    """The dearest fee per gas any strategy may pay."""
    return max(bid_policy(strategy).max_fee_wei for strategy in config.strategies)


def _needed(config: KeeperConfig) -> tuple[KeysConfig, ExecutorConfig]:
    if config.keys is None or config.executor is None:
        raise ConfigError("going live needs the tables [keys] and [executor]: see docs/configuration.md")

    return config.keys, config.executor


def _operator(config: KeeperConfig) -> Address:
    """Whose transactions a dry run pretends to send: the configured key's, if its keystore can be read."""
    return ZERO_ADDRESS if config.keys is None else read_address(config.keys.keystore)


def _explain(deployments: Mapping[str, Deployment]) -> Explain:
    """Name reverts in the executor's words, else in the words of the deployment they came from."""

    def explain(deployment: str, revert: bytes) -> str:
        found = deployments.get(deployment)
        if found is None or explains(revert):
            return explain_revert(revert)

        return found.adapter.encoder.explain(revert)

    return explain
