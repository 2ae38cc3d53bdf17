"""The signer process, from its file to its socket: `keeper signer`."""

import asyncio

import structlog

from keeper.app.keys import passphrase
from keeper.config.model import KeyConfig
from keeper.config.signer import SignerConfig
from keeper.execution.calldata import EXECUTE_SELECTOR
from keeper.execution.keys import hide_memory, open_keystore
from keeper.execution.meter import Caps, SigningMeter
from keeper.execution.signer import SigningPolicy
from keeper.execution.signer_service import Rules, SignerService
from keeper.execution.switch import Switch
from keeper.execution.typed_data import Schema
from keeper.heartbeat import stop_signals

log = structlog.get_logger(__name__)


async def serve(config: SignerConfig) -> int:
    """Open the key and answer until told to stop; returns the exit code."""
    hide_memory()
    key = KeyConfig(
        keystore=config.keystore,
        passphrase_file=config.passphrase_file,
        passphrase_credential=config.passphrase_credential,
    )
    account = open_keystore(config.keystore, passphrase(key))
    policy = SigningPolicy(
        config.chain_id, frozenset(config.executors), frozenset({EXECUTE_SELECTOR}), config.max_fee_per_gas_wei
    )
    caps = Caps(config.budget_per_day.amount, config.max_signatures_per_minute)
    rules = Rules(
        policy=policy,
        meter=SigningMeter(config.count_file, caps),
        switch=Switch(config.switch_file),
        schemas=frozenset(Schema(rule.contract, rule.type) for rule in config.typed_data),
        client_uids=frozenset(config.client_uids),
    )
    with stop_signals() as stop:
        await SignerService(account, rules).serve(config.socket, stop)

    log.info("signer_ended")
    return 0


def run(config: SignerConfig) -> int:
    """Serve in a loop of its own."""
    return asyncio.run(serve(config))
