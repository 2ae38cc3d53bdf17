"""An Aave V3 deployment that answers reads from plain attributes, for the state's unit tests."""

from dataclasses import dataclass, field

from keeper.protocols.aave_v3 import abi, build
from keeper.protocols.words import selector
from keeper.types import Address, Call, Log, Returned
from keeper.units import RAY
from tests.fakes.aave_v3_market import DOLLAR, KEY, NOW, POOL, head, target, word

PROVIDER, CONFIGURATOR, ORACLE, SENTINEL = (Address(bytes([i]) * 20) for i in (0x11, 0x12, 0x13, 0x14))
REVERT = Returned(False, b"")


def address_word(address):
    return bytes(12) + bytes(address or bytes(20))


@dataclass
class FakeReserve:
    """One reserve, its tokens named after its number."""

    number: int
    price: int = DOLLAR
    config: int = field(default_factory=word)
    id: int = 0
    stable: Address | None = None
    source: Address | None = None
    aggregator: Address | None = None
    round_answer: int | None = None
    listed: bool = True

    @property
    def asset(self):
        return Address(bytes([0xC0, self.number]) + bytes(18))

    @property
    def a_token(self):
        return Address(bytes([0xA0, self.number]) + bytes(18))

    @property
    def v_token(self):
        return Address(bytes([0xD0, self.number]) + bytes(18))

    def data(self):
        """The answer of `getReserveData`, fifteen words."""
        if not self.listed:
            return bytes(15 * 32)

        numbers = [self.config, RAY, 0, RAY, 0, 0, NOW, self.id]
        addresses = [self.a_token, self.stable, self.v_token, None]
        tail = [0, 0, 0]
        return b"".join(
            [
                *(n.to_bytes(32, "big") for n in numbers),
                *map(address_word, addresses),
                *(n.to_bytes(32, "big") for n in tail),
            ]
        )


@dataclass
class FakeAave:
    """Answers calls; anything it does not know reverts. `asked` keeps every round."""

    reserves: list[FakeReserve]
    revision: int = 10
    base_currency: Address | None = None
    oracle: Address = ORACLE
    sentinel: Address | None = None
    allowed: bool = True
    flags: dict[Address, int] = field(default_factory=dict)
    modes: dict[Address, int] = field(default_factory=dict)
    scaled: dict[tuple[Address, Address], int] = field(default_factory=dict)
    categories: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    rounds: list[int] = field(default_factory=list)
    scaled_totals: dict[Address, int] = field(default_factory=dict)
    totals: dict[Address, int] = field(default_factory=dict)
    index: int = RAY

    def drive(self, read):
        """Run a read to its end."""
        try:
            requests = next(read)
            while True:
                self.rounds.append(len(requests))
                requests = read.send(tuple(self.answer(request) for request in requests))
        except StopIteration as stop:
            return stop.value

    def answer(self, request: Call) -> Returned:
        getter = {selector(s): s for name, s in vars(abi).items() if name.isupper() and isinstance(s, str)}
        signature = getter[request.data[:4]]
        argument = request.data[4:36]
        handler = {
            PROVIDER: self._provider, POOL: self._pool, self.oracle: self._oracle, SENTINEL: self._sentinel,
        }.get(request.to, self._other)  # fmt: skip
        found = handler(signature, argument, request.to)
        if found is None:
            return REVERT

        return Returned(True, found if isinstance(found, bytes) else int(found).to_bytes(32, "big"))

    def _provider(self, signature, argument, to):
        del argument, to
        return {
            abi.GET_POOL: address_word(POOL),
            abi.GET_POOL_CONFIGURATOR: address_word(CONFIGURATOR),
            abi.GET_PRICE_ORACLE: address_word(self.oracle),
            abi.GET_PRICE_ORACLE_SENTINEL: address_word(self.sentinel),
        }.get(signature)

    def _pool(self, signature, argument, to):
        del to
        asset, number = Address(argument[12:]), int.from_bytes(argument, "big")
        reserve = next((r for r in self.reserves if r.asset == asset), None)
        if signature == abi.GET_RESERVES_LIST:
            listed = [r for r in self.reserves if r.listed]
            head = (32).to_bytes(32, "big") + len(listed).to_bytes(32, "big")
            return head + b"".join(address_word(r.asset) for r in listed)

        if signature == abi.GET_EMODE_CATEGORY_DATA:
            ltv, threshold, bonus = self.categories.get(number, (0, 0, 0))
            words = (32, ltv, threshold, bonus, 0, 160, 0)
            return b"".join(w.to_bytes(32, "big") for w in words)

        if signature == abi.GET_EMODE_COLLATERAL_CONFIG:
            return b"".join(w.to_bytes(32, "big") for w in (0, *self.categories.get(number, (0, 0, 0))[1:]))

        return {
            abi.POOL_REVISION: self.revision,
            abi.FLASHLOAN_PREMIUM_TOTAL: 5,
            abi.GET_RESERVE_DATA: bytes(15 * 32) if reserve is None else reserve.data(),
            abi.GET_VIRTUAL_UNDERLYING_BALANCE: 10**30,
            abi.GET_LIQUIDATION_GRACE_PERIOD: 0,
            abi.GET_NORMALIZED_INCOME: self.index,
            abi.GET_NORMALIZED_DEBT: self.index,
            abi.GET_EMODE_COLLATERAL_BITMAP: self.categories.get(number, (0,))[0],
            abi.GET_USER_CONFIGURATION: self.flags.get(asset, 0),
            abi.GET_USER_EMODE: self.modes.get(asset, 0),
        }.get(signature)

    def _oracle(self, signature, argument, to):
        del to
        reserve = next((r for r in self.reserves if r.asset == argument[12:]), None)
        return {
            abi.BASE_CURRENCY: address_word(self.base_currency),
            abi.BASE_CURRENCY_UNIT: DOLLAR,
            abi.GET_ASSET_PRICE: None if reserve is None else reserve.price,
            abi.GET_SOURCE_OF_ASSET: address_word(reserve.source if reserve else None),
        }.get(signature)

    def _sentinel(self, signature, argument, to):
        del argument, to
        return self.allowed if signature == abi.IS_LIQUIDATION_ALLOWED else None

    def _other(self, signature, argument, to):
        holder = Address(argument[12:])
        tokens = {t for r in self.reserves for t in (r.a_token, r.v_token, r.stable)}
        if to in tokens and signature in (abi.SCALED_BALANCE_OF, abi.BALANCE_OF):
            return self.scaled.get((to, holder), 0)

        if to in tokens and signature in (abi.TOTAL_SUPPLY, abi.SCALED_TOTAL_SUPPLY):
            return (self.totals if signature == abi.TOTAL_SUPPLY else self.scaled_totals).get(to, 0)

        reserve = next((r for r in self.reserves if to in (r.asset, r.source)), None)
        if reserve is None:
            return None

        if signature == abi.LATEST_ROUND_DATA and reserve.round_answer is not None:
            return b"".join(w.to_bytes(32, "big") for w in (1, reserve.round_answer, NOW, NOW - 7, 1))

        return {
            abi.BALANCE_OF: 10**30,
            abi.AGGREGATOR: address_word(reserve.aggregator) if reserve.aggregator else None,
        }.get(signature)


def event(address, topics, *words, block=100, index=0):
    """A log with indexed addresses (or raw topics) and data words."""
    spelled = tuple(t if len(t) == 32 else bytes(12) + bytes(t) for t in topics)
    data = b"".join(w if isinstance(w, bytes) else w.to_bytes(32, "big") for w in words)
    return Log(address, spelled, data, block, bytes(32), bytes(32), index)


# A deployment followed by its adapter -----------------------------------------------------------------------------

USER, OTHER = Address(KEY), Address(b"\x02" * 20)


def started(aave):
    sync = build("aave", PROVIDER).sync
    aave.drive(sync.bootstrap(head()))
    return sync


def two(**changes):
    return FakeAave([FakeReserve(0, id=0), FakeReserve(1, id=1)], **changes)


def observed(sync, aave):
    return aave.drive(sync.observe(head(), target()))


def minted(token, holder, amount, **place):
    return event(token, (abi.MINT, holder, holder), amount, 0, RAY, **place)
