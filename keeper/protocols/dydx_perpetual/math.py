"""The contracts' arithmetic: signed amounts, balances, funding, what an account is worth, and what a trade moves.

Names are the contracts'. Margin is in base units of the settlement token, a position in units of its own, a price in
margin units per position unit times 10**18. A zero keeps the sign it was left with, as in the contracts: it shows in
their events. Sources: SignedMath, BaseMath, P1BalanceMath, P1Settlement and P1FundingOracle of dYdX Perpetual V1.
"""

from typing import Final, NamedTuple

from keeper.units import WAD, mul_div, mul_div_up

MAX_UINT120: Final = 2**120 - 1
MAX_UINT128: Final = 2**128 - 1
MAX_ABS_RATE: Final = 260_416_666_666
"""Most a funding rate may be, per second times 10**18. P1FundingOracle, constant."""
MAX_ABS_RATE_CHANGE_PER_S: Final = 192_901_234
"""Most it may change for each second since it was last set. P1FundingOracle, constant."""
_INT_BITS: Final = 128


class Signed(NamedTuple):
    """A magnitude and a sign. SignedMath.Int."""

    value: int
    is_positive: bool

    @property
    def number(self) -> int:
        """The same as a plain integer."""
        return self.value if self.is_positive else -self.value

    def plus(self, amount: int) -> "Signed":
        """Add what is not negative; zero ends up negative where it comes from below. SignedMath.add."""
        if self.is_positive:
            return Signed(self.value + amount, is_positive=True)

        if self.value < amount:
            return Signed(amount - self.value, is_positive=True)

        return Signed(self.value - amount, is_positive=False)

    def minus(self, amount: int) -> "Signed":
        """Take off what is not negative; zero ends up negative. SignedMath.sub."""
        if not self.is_positive:
            return Signed(self.value + amount, is_positive=False)

        if self.value > amount:
            return Signed(self.value - amount, is_positive=True)

        return Signed(amount - self.value, is_positive=False)

    def less(self, other: "Signed") -> "Signed":
        """Take off a signed amount. SignedMath.signedSub."""
        return self.minus(other.value) if other.is_positive else self.plus(other.value)


ZERO: Final = Signed(0, is_positive=False)


class Balance(NamedTuple):
    """What an account has: margin and position, each in 120 bits. P1Types.Balance."""

    margin: Signed
    position: Signed

    @property
    def fits(self) -> bool:
        """Whether the contract can keep it; it reverts on what it cannot."""
        return max(self.margin.value, self.position.value) <= MAX_UINT120


class Index(NamedTuple):
    """What a position unit has paid since the beginning, times 10**18, and as of when. P1Types.Index."""

    timestamp: int
    value: Signed


class Settled(NamedTuple):
    """An account brought up to the global index; `credit` is what that moved, None where nothing was settled."""

    balance: Balance
    credit: Signed | None


EMPTY: Final = Balance(ZERO, ZERO)
NEVER: Final = Index(0, ZERO)


# Words --------------------------------------------------------------------------------------------------------------


def balance_of(word: int) -> Balance:
    """Read the word of a balance: margin above, position below, a sign byte over each. P1BalanceMath.toBytes32."""
    return Balance(_signed(word >> _INT_BITS, MAX_UINT120, 120), _signed(word, MAX_UINT120, 120))


def word_of(balance: Balance) -> int:
    """Write the word of a balance. P1BalanceMath.toBytes32."""
    margin, position = ((part.is_positive << 120) | part.value for part in balance)
    return (margin << _INT_BITS) | position


def index_of(word: int) -> Index:
    """Read the word of an index or a funding rate: value, a sign byte, 32 bits of time. P1IndexMath.toBytes32."""
    return Index(word >> 136, _signed(word, MAX_UINT128, 128))


def index_word(index: Index) -> int:
    """Write the word of an index or a funding rate."""
    return (index.timestamp << 136) | (index.value.is_positive << 128) | index.value.value


def _signed(word: int, mask: int, sign_bit: int) -> Signed:
    return Signed(word & mask, is_positive=bool(word >> sign_bit & 1))


# Funding ------------------------------------------------------------------------------------------------------------


def funding_over(rate: Signed, seconds: int) -> Signed:
    """What a rate comes to over some time. P1FundingOracle.getFunding."""
    return Signed(rate.value * seconds, rate.is_positive)


def next_rate(old: Signed, seconds: int, wanted: int) -> int:
    """Hold a new rate to what may be set so long after the old one. P1FundingOracle.setFundingRate."""
    change = MAX_ABS_RATE_CHANGE_PER_S * seconds
    held = max(old.number - change, min(old.number + change, wanted))
    return max(-MAX_ABS_RATE, min(MAX_ABS_RATE, held))


def advanced(index: Index, timestamp: int, funding: Signed, price: int) -> Index:
    """Move the global index on by the funding since it was last moved, rounded down. P1Settlement._loadContext."""
    if timestamp == index.timestamp:
        return index

    paid = mul_div(funding.value, price, WAD)  # down: BaseMath.baseMul
    moved = index.value.plus(paid) if funding.is_positive else index.value.minus(paid)
    return Index(timestamp, moved)


def settled(balance: Balance, local: Index, current: Index) -> Settled:
    """Pay what a position owes since its own index, or receive it: debits rounded up, credits down.

    Source: P1Settlement._settleAccount.
    """
    if local.timestamp == current.timestamp or balance.position.value == 0:
        return Settled(balance, None)

    moved = current.value.less(local.value)
    size = balance.position.value
    if moved.is_positive == balance.position.is_positive:
        owed = mul_div_up(moved.value, size, WAD)  # up: BaseMath.baseMulRoundUp
        return Settled(balance._replace(margin=balance.margin.minus(owed)), Signed(owed, is_positive=False))

    earned = mul_div(moved.value, size, WAD)  # down: BaseMath.baseMul
    return Settled(balance._replace(margin=balance.margin.plus(earned)), Signed(earned, is_positive=True))


# Worth --------------------------------------------------------------------------------------------------------------


def positive_and_negative(balance: Balance, price: int) -> tuple[int, int]:
    """What an account has and what it owes, margin units times 10**18, exact. getPositiveAndNegativeValue."""
    parts = ((balance.margin.value * WAD, balance.margin), (balance.position.value * price, balance.position))
    positive = sum(value for value, part in parts if part.is_positive)
    return positive, sum(value for value, part in parts if not part.is_positive)


def is_collateralized(balance: Balance, price: int, min_collateral: int) -> bool:
    """Whether it has at least so many times 10**-18 what it owes. P1Settlement._isCollateralized."""
    positive, negative = positive_and_negative(balance, price)
    return positive * WAD >= negative * min_collateral


def is_underwater(balance: Balance, price: int) -> bool:
    """Whether it owes more than it has. P1Deleveraging._isUnderwater."""
    positive, negative = positive_and_negative(balance, price)
    return positive < negative


# A trade ------------------------------------------------------------------------------------------------------------


def margin_share(balance: Balance, amount: int, *, is_buy: bool) -> int:
    """The margin that goes with part of a position: up where a long is closed, down for a short; no position reverts.

    Source: P1Liquidation.trade.
    """
    margin, position = balance.margin.value, balance.position.value
    return mul_div_up(margin, amount, position) if is_buy else mul_div(margin, amount, position)


def bought(balance: Balance, margin: int, position: int) -> Balance:
    """Pay margin for position. P1Trade, the taker of a buy and the maker of a sale."""
    return Balance(balance.margin.minus(margin), balance.position.plus(position))


def sold(balance: Balance, margin: int, position: int) -> Balance:
    """Receive margin for position."""
    return Balance(balance.margin.plus(margin), balance.position.minus(position))


def insurance_fee(margin: Signed, position: Signed, price: int, fee: int) -> int:
    """What a proxy keeps of what a liquidator gained, rounded down twice; a loss costs nothing.

    Source: P1LiquidatorProxy._getLiquidatedAndFeeAmount.
    """
    positive, negative = positive_and_negative(Balance(margin, position), price)
    return (positive - negative) * fee // WAD // WAD if positive > negative else 0  # down, twice
