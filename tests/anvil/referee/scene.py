"""The run the referee is shown: a chain that forks another, one profit landed, one let lie, one too small.

Every report is written here from the mined receipts, as an honest keeper would write it.
"""

from dataclasses import dataclass
from pathlib import Path

SCRIPTS = Path(__file__).parents[3] / "scripts"
EXECUTOR = bytes.fromhex("ee" * 20)
TREASURY = bytes.fromhex("aa" * 20)
SMALL, TAKEN, LEFT, HEALTHY = (bytes([0xB0, number]) + bytes(18) for number in range(4))
TAKE = (
    "take((uint256,address,uint256),(address,address,address,uint256,(address,uint256,bytes,(uint256,address,bytes)[])[]),"
    "(uint256,uint256,uint256,uint256),address)"
)
LIQUIDATE = "liquidationCall(address,address,address,uint256,bool)"
DEPLOYMENT = "aave"
AAVE_V3_LOAN = 0
TRIAL_GAS = 5_000_000
LIQUIDATION_TOPIC = "0xe413a321e8681d831f4dbccbca790d2952b56f977908e45be37335533e005286"
TRANSFER_TOPIC = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
EXACT_INPUT = "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))(uint256)"
MOVED = ("WETH/USDC/500", "WETH/USDC/3000", "WETH/DAI/3000", "WBTC/WETH/3000")
ENOUGH = 10_000 * 10**18  # WETH, more than 5 % of price takes in any of the pools
MAX = 2**256 - 1
WINDOW = 4


def text(address):
    return f"0x{address.hex()}"


def subject(address):
    """Name a borrower as the referee does."""
    return (DEPLOYMENT, text(address))


@dataclass(frozen=True)
class Played:
    """The run as played: its chain, the manifest's content, its report, and the blocks its acts end at."""

    url: str
    chain: object
    world: object
    manifest: dict
    rows: list
    landed_at: int
    settled: int
    end: int


def open_positions(chain, world):
    """Borrow USDC against WETH at 3,000 dollars, of which 83 % count: health is 2,490 per WETH over the debt."""
    from keeper.sandbox.aave import borrow, supply

    weth, usdc = world.assets["WETH"], world.assets["USDC"]

    # Liquidatable below 2,892, 2,892, 2,771 and 1,808 dollars. A position under 2,000 may be closed whole.
    for borrower, collateral, debt in (
        (SMALL, 0.02, 48),
        (TAKEN, 0.75, 1_800),
        (LEFT, 0.80, 1_840),
        (HEALTHY, 1.00, 1_500),
    ):
        supply(chain, world.aave36, weth, borrower, weth.units(collateral))
        borrow(chain, world.aave36, usdc, borrower, usdc.units(debt))

    chain.mine()


def play(chain, url, world, code):
    """Let the price fall twice: land on one borrower after the first fall, on nobody after the second."""
    from keeper.sandbox.assets import approve, fund

    chain.set_code(EXECUTOR, code)
    fund(chain, world.assets["WETH"], chain.account, 8 * ENOUGH)
    approve(chain, world.assets["WETH"], chain.account, world.uniswap.router)
    chain.mine(2)
    first = int(chain.head()["number"], 16)
    drop(chain, world, 2_850)
    chain.mine()
    receipt = land(chain, world, TAKEN)
    chain.mine(2)
    settled = int(chain.head()["number"], 16)
    drop(chain, world, 2_700)
    chain.mine(WINDOW + 2)
    manifest = {
        "deployments": [
            {"kind": "aave_v3", "name": DEPLOYMENT, "addresses_provider": text(world.aave36.addresses_provider)}
        ],
        "venues": [{"name": "uniswap", "factory": text(world.uniswap.factory)}],
        "native_usd": text(world.assets["WETH"].feed.proxy),
        "wrapped_native": text(world.assets["WETH"].token),
        "min_profit": "5 USD",
        "executor": text(EXECUTOR),
        "treasury": text(TREASURY),
        "run_block": first,
    }
    rows = [book(receipt, world), declined(SMALL, "below_min_profit")]
    landed_at = int(receipt["blockNumber"], 16)
    return Played(url, chain, world, manifest, rows, landed_at, settled, int(chain.head()["number"], 16))


def drop(chain, world, dollars):
    """In one block set the WETH feed, and sell WETH into every pool that leads to USDC until it pays 5 % less."""
    from keeper.sandbox.feeds import price_update

    update = price_update(chain, world.assets["WETH"].feed, dollars * 10**8)
    chain.execute_many([update, *(selling(chain, world, world.uniswap.pools[name]) for name in MOVED)])


def selling(chain, world, pool):
    """Write down a sale of WETH that ends where the pool's price of it is 5 % lower."""
    from keeper.sandbox.uniswap_v3 import FOREVER, pool_sqrt_price

    weth = world.assets["WETH"].token
    before = pool_sqrt_price(chain, pool)
    # The square root of 0.95 is 0.9747; the price is token1 per token0.
    first = weth == pool.token0
    limit = before * 9_747 // 10_000 if first else before * 10_000 // 9_747
    order = (weth, pool.token1 if first else pool.token0, pool.fee, chain.account, FOREVER, ENOUGH, 0, limit)
    return chain.transaction(world.uniswap.router, EXACT_INPUT, order)


def land(chain, world, borrower):
    """Close a position through the executor, selling in the 0.05 % pool."""
    pool = world.uniswap.pools["WETH/USDC/500"]
    lender, weth, usdc = world.aave36.pool, world.assets["WETH"].token, world.assets["USDC"].token
    call = chain.transaction(lender, LIQUIDATE, weth, usdc, borrower, MAX, False)
    trial = (usdc, weth, lender, TRIAL_GAS, [(lender, 0, call.data, [])])
    loan = (AAVE_V3_LOAN, lender, world.assets["USDC"].units(1_801))
    ways_out = (int.from_bytes(pool.address), 0, 0, 0)
    return chain.send(EXECUTOR, TAKE, loan, trial, ways_out, TREASURY, sender=chain.accounts[1])


def book(receipt, world):
    """Write the row that an honest keeper would: amounts as its receipt logs them."""
    liquidation = next(log for log in receipt["logs"] if log["topics"][0] == LIQUIDATION_TOPIC)
    repaid, seized = (int(liquidation["data"][2 + 64 * i : 66 + 64 * i], 16) for i in range(2))
    profit = next(
        int(log["data"], 16)
        for log in receipt["logs"]
        if log["topics"][0] == TRANSFER_TOPIC and log["topics"][2].endswith(TREASURY.hex())
    )
    return {
        "deployment": DEPLOYMENT,
        "adapter": "aave_v3",
        "position": text(TAKEN),
        "kind": "seize",
        "debt_token": text(world.assets["USDC"].token),
        "collateral_token": text(world.assets["WETH"].token),
        "repaid": str(repaid),
        "seized": str(seized),
        "expected_profit": str(profit),
        "settled_profit": str(profit),
        "realised_profit": str(profit),
        "profit_token": text(world.assets["USDC"].token),
        "gas_used": str(int(receipt["gasUsed"], 16)),
        "tx_hash": receipt["transactionHash"],
        "block": int(receipt["blockNumber"], 16),
        "status": "landed",
        "reason": None,
    }


def declined(borrower, reason):
    return {"deployment": DEPLOYMENT, "position": text(borrower), "status": "declined", "reason": reason}


def kinds(document):
    return [mismatch["kind"] for mismatch in document["mismatches"]]
