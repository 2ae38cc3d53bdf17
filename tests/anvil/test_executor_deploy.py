"""Deploying, listing, verifying and sweeping an executor, with the owner's own key on a local chain."""

from contextlib import asynccontextmanager

import pytest
from eth_account import Account

from keeper.chain.live import ChainSettings, open_chain
from keeper.config.urls import parse_rpc_url
from keeper.errors import ExecutorError
from keeper.execution.allowlist import UNISWAP_V3_INIT_CODE_HASH, Allowlist, Factory, Kind, Listing, Rule
from keeper.execution.artifact import ExecutorParams, create2_address, executor_creation_code
from keeper.execution.deploy import (
    Waiting,
    Wallet,
    check_chain,
    configure_call,
    deploy_executor,
    deploy_vault,
    role_call,
    send_all,
    sweep_call,
)
from keeper.execution.verify import findings, read_executor
from keeper.sandbox.anvil import Anvil, AnvilOptions
from keeper.sandbox.assets import balance
from keeper.types import ZERO_ADDRESS, Address, to_checksum
from keeper.units import WAD

OWNER_KEY = "0x" + "51" * 32
GUARDIAN, TREASURY, OPERATOR, POOL = (Address(bytes([n] * 20)) for n in (2, 3, 4, 5))
SELECTOR = bytes.fromhex("12345678")


@asynccontextmanager
async def connected(url, chain_id=31_337):
    chain = await open_chain(ChainSettings(chain_id, [parse_rpc_url(url)]))
    try:
        yield chain
    finally:
        await chain.close()


@pytest.fixture
def params(scene):
    owner = Address(bytes.fromhex(Account.from_key(OWNER_KEY).address[2:]))
    scene.chain.set_balance(owner, 100 * WAD)
    return ExecutorParams(owner, GUARDIAN, TREASURY, scene.asset("WETH").token, (OPERATOR,))


def wallet_on(chain):
    return Wallet(chain, Account.from_key(OWNER_KEY), waiting=Waiting(20.0, 0.05))


async def test_executor_lands_where_its_parameters_say_and_verifies(scene, params):
    allowlist = Allowlist(
        rules=(Rule(POOL, SELECTOR, Kind.CALL, POOL), Rule(POOL, bytes(4), Kind.RECIPIENT)),
        listings=(Listing(scene.asset("WETH").token), Listing(scene.asset("USDC").token, pinned=True)),
        factories=(Factory(scene.world.uniswap.factory, UNISWAP_V3_INIT_CODE_HASH),),
    )
    async with connected(scene.chain.url) as chain:
        wallet = wallet_on(chain)
        executor = await deploy_executor(chain, wallet, params)
        assert executor == create2_address(executor_creation_code(params))

        await send_all(wallet, (configure_call(executor, allowlist),))
        state = await read_executor(chain, executor)

        assert state.allowlist == allowlist
        assert state.operators == {OPERATOR}
        assert (state.owner, state.treasury, state.paused) == (params.owner, TREASURY, False)
        assert findings(state, params, allowlist, 31_337) == ()


async def test_second_deployment_of_the_same_is_left_alone(scene, params):
    async with connected(scene.chain.url) as chain:
        wallet = wallet_on(chain)
        first = await deploy_executor(chain, wallet, params)
        nonce = await chain.nonce(params.owner)

        assert await deploy_executor(chain, wallet, params) == first
        assert await chain.nonce(params.owner) == nonce


async def test_what_differs_is_said(scene, params):
    """Each change is made behind the configuration's back and must be noticed."""
    listed = Allowlist(rules=(Rule(POOL, SELECTOR, Kind.CALL),))
    stranger = Address(bytes([9] * 20))
    async with connected(scene.chain.url) as chain:
        wallet = wallet_on(chain)
        executor = await deploy_executor(chain, wallet, params)
        await send_all(
            wallet,
            (
                configure_call(executor, listed),
                configure_call(executor, Allowlist(listings=(Listing(stranger),))),
                role_call(executor, "setOperator(address,bool)", stranger, 1),
                role_call(executor, "setOperator(address,bool)", OPERATOR, 0),
                role_call(executor, "proposeTreasury(address)", stranger),
                role_call(executor, "pause()"),
            ),
        )
        wanted = Allowlist(rules=(Rule(POOL, SELECTOR, Kind.CALL, POOL),))
        found = findings(await read_executor(chain, executor), params, wanted, 1)

    assert found == (
        "it was deployed for chain 31337, this is 1",
        "it is paused",
        f"a new treasury is proposed: {to_checksum(stranger)}",
        f"operator {to_checksum(OPERATOR)} is missing",
        f"operator {to_checksum(stranger)} is one too many",
        f"rule CALL for {to_checksum(POOL)} 0x12345678 is missing",
        f"listing of token {to_checksum(stranger)} is one too many",
    )


async def test_sweep_sends_what_was_forgotten_to_the_treasury(scene, params):
    usdc = scene.asset("USDC")
    async with connected(scene.chain.url) as chain:
        wallet = wallet_on(chain)
        executor = await deploy_executor(chain, wallet, params)
        scene.chain.send(usdc.token, "mint(address,uint256)", executor, 7)
        scene.chain.set_balance(executor, 5)
        await send_all(wallet, (sweep_call(executor, usdc.token), sweep_call(executor, ZERO_ADDRESS)))

        assert balance(scene.chain, usdc, TREASURY) == 7
        assert await chain.balance(TREASURY) == 5


async def test_refused_call_says_why_before_it_is_sent(scene, params):
    """approve(address,uint256) can never be listed."""
    approve = Allowlist(rules=(Rule(POOL, bytes.fromhex("095ea7b3"), Kind.CALL),))
    async with connected(scene.chain.url) as chain:
        wallet = wallet_on(chain)
        executor = await deploy_executor(chain, wallet, params)
        nonce = await chain.nonce(params.owner)

        with pytest.raises(ExecutorError, match="0x095ea7b3 moves or promises tokens"):
            await send_all(wallet, (configure_call(executor, approve),))

        assert await chain.nonce(params.owner) == nonce


async def test_vault_is_deployed_for_its_executor(scene, params):
    async with connected(scene.chain.url) as chain:
        wallet = wallet_on(chain)
        executor = await deploy_executor(chain, wallet, params)
        vault = await deploy_vault(chain, wallet, params.owner, executor)

        assert scene.chain.call(vault, "executor()(address)") == executor


async def test_contract_that_is_something_else_is_not_an_executor(scene):
    async with connected(scene.chain.url) as chain:
        with pytest.raises(ExecutorError, match="is not the executor of this version"):
            await read_executor(chain, scene.asset("USDC").token)

        with pytest.raises(ExecutorError, match="no contract at"):
            await read_executor(chain, POOL)


async def test_chain_without_transient_storage_is_refused(packages):
    with Anvil(packages, AnvilOptions(extra=("--hardfork", "shanghai"))) as anvil:
        async with connected(anvil.url) as chain:
            with pytest.raises(ExecutorError, match="no transient storage"):
                await check_chain(chain)


async def test_chain_with_transient_storage_is_accepted(scene):
    async with connected(scene.chain.url) as chain:
        await check_chain(chain)
