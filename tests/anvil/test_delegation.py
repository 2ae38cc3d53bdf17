"""An EIP-7702 delegation on the operator: whoever it names could spend the key's nonces, so the key signs no more."""

import pytest
from eth_account import Account

from keeper.chain.live import ChainSettings, open_chain
from keeper.config.urls import parse_rpc_url
from keeper.errors import SigningKeyError
from keeper.execution.account import CODE_EVERY_BLOCKS
from keeper.sandbox.anvil import Anvil, AnvilOptions
from keeper.sandbox.chain import LocalChain
from keeper.types import to_checksum
from keeper.units import WAD
from tests.fakes.desk import ACCOUNT, OPERATOR, Office

pytestmark = pytest.mark.anvil

DELEGATE = "0x" + "de" * 20
CODE = bytes.fromhex("ef0100" + "de" * 20)


@pytest.fixture
async def world(packages, tmp_path):
    with Anvil(packages, AnvilOptions(chain_id=1)) as anvil:
        local = LocalChain(anvil.url)
        local.node.rpc("anvil_setBalance", to_checksum(OPERATOR), hex(WAD))
        chain = await open_chain(ChainSettings(1, [parse_rpc_url(anvil.url)]))
        office = Office(tmp_path, chain=chain)
        yield local, chain, office
        office.close()
        await chain.close()
        local.close()


def delegate(local):
    """Send a real type-4 transaction, by somebody else, with the operator's own authorization."""
    sponsor = Account.from_key(b"\x77" * 32)
    local.node.rpc("anvil_setBalance", sponsor.address, hex(WAD))
    authorization = ACCOUNT.sign_authorization({"chainId": 1, "address": DELEGATE, "nonce": 0})
    signed = sponsor.sign_transaction(
        {
            "type": 4,
            "chainId": 1,
            "nonce": 0,
            "to": sponsor.address,
            "value": 0,
            "data": "0x",
            "gas": 100_000,
            "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 10**9,
            "authorizationList": [authorization],
        }
    )
    local.node.rpc("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex())
    local.node.rpc("evm_mine")


async def test_a_delegated_key_does_not_arm(world):
    local, chain, office = world
    delegate(local)
    assert await chain.code(OPERATOR) == CODE
    with pytest.raises(SigningKeyError, match="EIP-7702"):
        await office.desk.arm(adopt=True)  # an authorization uses a nonce up


async def test_a_key_that_is_delegated_while_it_works_is_disarmed(world):
    local, chain, office = world
    await office.desk.arm()
    assert office.desk.disarmed is None
    local.node.rpc("anvil_setCode", to_checksum(OPERATOR), "0x" + CODE.hex())
    for _ in range(CODE_EVERY_BLOCKS + 1):
        local.node.rpc("evm_mine")
        await office.desk.track(await chain.latest())

    assert "EIP-7702" in office.desk.disarmed
