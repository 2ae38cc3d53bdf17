"""What the chain answers about the deployment at one block: prices, parameters, health, holdings, pools.

The answers serve two ends: to know whom to try, and to know what changed. For the second they are compared as bytes;
nothing here repeats a rule of the protocol.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from referee.abi import as_address, as_int, as_list, encode, selector
from referee.chain import View
from referee.manifest import Manifest
from referee.market import NO_ADDRESS, Market, read_reserves
from referee.probe import Pair, encode_balance

WAD = 10**18
ACCOUNT_DATA = "getUserAccountData(address)"


@dataclass(frozen=True, slots=True)
class Prices:
    """The oracle's prices (base currency per whole token), the native coin's, and the flash loan's fee."""

    tokens: dict[str, int]
    native: int
    native_unit: int
    premium_bps: int


@dataclass(frozen=True, slots=True)
class Holder:
    """A borrower the contract calls liquidatable, health as a wad, and everything its trials depend on."""

    borrower: str
    health: int
    debts: dict[str, int]
    collaterals: tuple[str, ...]
    fingerprint: bytes

    def pairs(self) -> list[Pair]:
        return [Pair(self.borrower, collateral, debt) for debt in self.debts for collateral in self.collaterals]


@dataclass(frozen=True, slots=True)
class State:
    """One block, as far as trials depend on it."""

    prices: Prices
    parameters: dict[str, bytes]
    pools: dict[str, bytes]
    unsafe: tuple[tuple[str, int], ...]


def read_state(view: View, market: Market, manifest: Manifest) -> State:
    """Read the block: one call for what concerns all, one for every borrower's health."""
    provider = manifest.addresses_provider
    head = view.must(
        [
            (provider, encode("getPool()")),
            (provider, encode("getPriceOracle()")),
            (market.lender, encode("getReservesList()")),
            (market.lender, encode("FLASHLOAN_PREMIUM_TOTAL()")),
            (manifest.native_usd, encode("latestRoundData()")),
            (manifest.native_usd, encode("decimals()")),
        ]
    )
    market.oracle = as_address(head[1])

    if len(as_list(head[2])) != len(market.reserves):
        market.reserves = read_reserves(view, market.lender, head[2])

    tokens = list(market.reserves)
    prices = view.ask([(market.oracle, encode("getAssetPrice(address)", token)) for token in tokens])
    return State(
        prices=Prices(
            # No price: nothing in that token is worth anything, and the pool refuses its holders.
            tokens={token: as_int(price) if price else 0 for token, price in zip(tokens, prices, strict=True)},
            native=as_int(head[4], 1),
            native_unit=10 ** as_int(head[5]),
            premium_bps=as_int(head[3]),
        ),
        parameters=_parameters(view, market, provider),
        pools=_pools(view, market),
        unsafe=_unsafe(view, market),
    )


def read_holders(view: View, market: Market, state: State) -> list[Holder]:
    """Read what every liquidatable borrower owes and holds."""
    reserves = list(market.reserves.values())
    questions = [
        (to, data)
        for borrower, _ in state.unsafe
        for to, data in [
            (market.lender, encode("getUserConfiguration(address)", borrower)),
            (market.lender, encode("getUserEMode(address)", borrower)),
            *(
                (token, encode("scaledBalanceOf(address)", borrower))
                for r in reserves
                for token in (r.v_token, r.a_token)
            ),
            *((reserve.v_token, encode_balance(borrower)) for reserve in reserves),
        ]
    ]
    answers = view.must(questions)
    width = 2 + 3 * len(reserves)
    categories = _categories(view, market, {as_int(answers[i + 1]) for i in range(0, len(answers), width)})
    holders = []

    for i, (borrower, health) in enumerate(state.unsafe):
        own = answers[i * width : (i + 1) * width]
        scaled = own[2 : 2 + 2 * len(reserves)]
        debts = {r.token: as_int(owed) for r, owed in zip(reserves, own[-len(reserves) :], strict=True) if as_int(owed)}
        held = tuple(reserve.token for j, reserve in enumerate(reserves) if as_int(scaled[2 * j + 1]))
        touched = [token for token in market.reserves if token in debts or token in held]
        fingerprint = b"".join(
            [
                *own[: 2 + 2 * len(reserves)],
                categories[as_int(own[1])],
                state.parameters[NO_ADDRESS],
                *(state.parameters[token] + state.prices.tokens[token].to_bytes(32, "big") for token in touched),
            ]
        )
        holders.append(Holder(borrower, health, debts, held, fingerprint))

    return holders


def _parameters(view: View, market: Market, provider: str) -> dict[str, bytes]:
    """Return each reserve's parameters as bytes, and under the zero address the deployment's own."""
    sentinel = as_address(view.must([(provider, encode("getPriceOracleSentinel()"))])[0])
    allowed = view.ask([(sentinel, encode("isLiquidationAllowed()"))])[0]
    found = {NO_ADDRESS: market.oracle.encode() + sentinel.encode() + (allowed or b"")}
    answers = view.ask(
        [
            question
            for reserve in market.reserves.values()
            for question in [
                (market.lender, encode("getConfiguration(address)", reserve.token)),
                (market.lender, encode("getLiquidationGracePeriod(address)", reserve.token)),
                (reserve.token, encode_balance(reserve.a_token)),
            ]
        ]
    )

    for i, token in enumerate(market.reserves):
        configuration, grace, liquid = (answer or b"" for answer in answers[3 * i : 3 * i + 3])
        # A grace period ends without any change of storage: whether it has is part of the state.
        over = bytes([bool(grace) and as_int(grace) < view.following.timestamp])
        found[token] = configuration + grace + over + liquid

    return found


def _pools(view: View, market: Market) -> dict[str, bytes]:
    questions = [
        question
        for pool in market.pools.values()
        for question in [
            (pool.address, selector("slot0()")),
            (pool.address, selector("liquidity()")),
            (pool.tokens[0], encode_balance(pool.address)),
            (pool.tokens[1], encode_balance(pool.address)),
        ]
    ]
    answers = view.ask(questions)
    return {
        address: b"".join(answer or b"" for answer in answers[4 * i : 4 * i + 4])
        for i, address in enumerate(market.pools)
    }


def _unsafe(view: View, market: Market) -> tuple[tuple[str, int], ...]:
    borrowers = list(market.borrowers)
    answers = view.ask([(market.lender, encode(ACCOUNT_DATA, borrower)) for borrower in borrowers])
    # A borrower whose account data reverts (a broken price) cannot be liquidated either: the pool asks the same.
    return tuple(
        (borrower, as_int(answer, 5))
        for borrower, answer in zip(borrowers, answers, strict=True)
        if answer and as_int(answer, 5) < WAD
    )


def _categories(view: View, market: Market, ids: Iterable[int]) -> dict[int, bytes]:
    """Return what each e-mode category answers, whatever version of the protocol defines it."""
    signatures = (
        "getEModeCategoryData(uint8)",
        "getEModeCategoryCollateralConfig(uint8)",
        "getEModeCategoryCollateralBitmap(uint8)",
        "getEModeCategoryLtvzeroBitmap(uint8)",
    )
    listed = sorted(set(ids))
    answers = view.ask([(market.lender, encode(signature, i)) for i in listed for signature in signatures])
    width = len(signatures)
    return {i: b"".join(a or b"" for a in answers[n * width : (n + 1) * width]) for n, i in enumerate(listed)}
