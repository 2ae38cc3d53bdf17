"""One direction of a Uniswap V3 pool as a ladder: every stop of the contract's walk, with what it took to get there.

The contract stops at initialised ticks and at the ends of its 256-tick bitmap words, and each stop rounds, so leaving
one out would change the answer. What it takes from stop to stop does not depend on how much is swapped: sums are kept,
and a quote is a bisection and one partial step. Prices are square roots times 2**96.
"""

from bisect import bisect_left, bisect_right
from math import isqrt

from keeper.routing.curve import Segment
from keeper.routing.swap_math import FEE_UNIT, amount0_between_up, amount1_between_up, price_after_input, step_out
from keeper.routing.tick_math import tick_at_sqrt_ratio
from keeper.routing.uniswap_v3_ticks import Mark, Rung, Start, TickTable
from keeper.units import MAX_UINT256, mul_div_up


class Ladder:
    """One direction of a pool. Invariant: entry k of every list is about rung k, of which 0 is the pool as it stands.

    Rungs are added as far as they are asked for; `_ended` once there is none to add.
    """

    __slots__ = ("_down", "_ended", "_fee", "_given", "_keys", "_keys_sign", "_rungs", "_start", "_table", "_taken")

    def __init__(self, start: Start, table: TickTable, *, zero_for_one: bool) -> None:
        self._start = start
        self._fee = FEE_UNIT - start.fee
        self._table = table
        self._down = zero_for_one
        self._rungs = [Rung(start.sqrt_price_x96, start.tick, start.liquidity, crosses=False, taken=0, given=0)]
        self._taken = [0]
        self._given = [0]
        self._keys_sign = -1 if zero_for_one else 1
        self._keys = [self._keys_sign * start.sqrt_price_x96]
        self._ended = False

    def amount_out(self, amount_in: int) -> int | None:
        """Output for an exact input; None where it cannot be taken whole or gives nothing."""
        taken = self._taken
        if amount_in <= 0 or (taken[-1] < amount_in and not self._reach_in(amount_in)):
            return None

        place = bisect_left(taken, amount_in)
        if taken[place] == amount_in:
            return self._given[place] or None

        # The partial step written out: this is the line every search over sizes spends its time on.
        place -= 1
        rung = self._rungs[place]
        price, liquidity = rung[0], rung[2]
        net = (amount_in - taken[place]) * self._fee // FEE_UNIT  # down
        numerator = liquidity << 96
        if not self._down:
            after = price + (net << 96) // liquidity  # down
            return self._given[place] + numerator * (after - price) // after // price or None  # down, twice

        product = numerator + net * price
        if product <= MAX_UINT256:
            after = -(-numerator * price // product)  # up
        else:
            after = price_after_input(price, liquidity, net, zero_for_one=True)

        return self._given[place] + (liquidity * (price - after) >> 96) or None  # down

    def amount_in(self, amount_out: int) -> int | None:
        """Least input, fees included, for an exact output; None where the pool does not hold it."""
        given = self._given
        if amount_out <= 0 or (given[-1] < amount_out and not self._reach_out(amount_out)):
            return None

        place = bisect_left(given, amount_out)
        if given[place] == amount_out:
            return self._taken[place]

        rung = self._rungs[place - 1]
        target = self._rungs[place].sqrt_price_x96
        remaining = amount_out - given[place - 1]
        step = step_out(rung.sqrt_price_x96, target, rung.liquidity, remaining, self._start.fee)
        return self._taken[place - 1] + step.amount_in + step.fee

    def input_to(self, numerator: int, denominator: int) -> int:
        """Greatest input whose last unit still gives `numerator / denominator`; within what the pool can take."""
        if self._down:
            # Token1 per token0 is price * (1 - fee), and the price is a square.
            square = mul_div_up(numerator * FEE_UNIT, 1 << 192, denominator * self._fee)
            target = isqrt(square - 1) + 1 if square else 0  # up: not past the price asked for
        else:
            target = isqrt(denominator * self._fee * (1 << 192) // (numerator * FEE_UNIT))  # down, likewise

        key = self._keys_sign * target
        if key <= self._keys[0]:
            return 0

        while self._keys[-1] < key and self._add():
            pass

        place = bisect_right(self._keys, key) - 1
        rung = self._rungs[place]
        if place == len(self._rungs) - 1:
            return self._taken[-1]  # the pool ends before the price does

        price = rung.sqrt_price_x96
        if self._down:
            net = amount0_between_up(target, price, rung.liquidity)
        else:
            net = amount1_between_up(price, target, rung.liquidity)

        return self._taken[place] + net * FEE_UNIT // self._fee  # down

    def segment_at(self, amount_in: int) -> Segment | None:
        """The range of one liquidity that an input ends in; None past the last."""
        if self._taken[-1] <= amount_in and not self._reach_in(amount_in + 1):
            return None

        place = bisect_right(self._taken, amount_in) - 1
        price, liquidity = self._rungs[place][0], self._rungs[place][2]
        square = price * price
        cross = price * self._fee << 96
        if self._down:
            a, b = liquidity * square * self._fee, liquidity * FEE_UNIT << 192
        else:
            a, b = liquidity * self._fee << 192, liquidity * square * FEE_UNIT

        return Segment(self._taken[place], self._given[place], self._taken[place + 1], a, b, cross)

    def mark_in(self, amount_in: int) -> Mark:
        """Where the price ends for an input that `amount_out` takes."""
        place = bisect_left(self._taken, amount_in)
        if self._taken[place] == amount_in:
            return _of(self._rungs[place])

        rung = self._rungs[place - 1]
        return self._mark(place, self._partial(rung, amount_in - self._taken[place - 1]))

    def mark_out(self, amount_out: int) -> Mark:
        """Where the price ends for an output that `amount_in` can give."""
        place = bisect_left(self._given, amount_out)
        if self._given[place] == amount_out:
            return _of(self._rungs[place])

        rung = self._rungs[place - 1]
        target = self._rungs[place].sqrt_price_x96
        remaining = amount_out - self._given[place - 1]
        return self._mark(
            place, step_out(rung.sqrt_price_x96, target, rung.liquidity, remaining, self._start.fee).sqrt_price_x96
        )

    def _mark(self, place: int, price: int) -> Mark:
        """A price short of a rung, or at it: rounding may reach it before the whole step is paid for."""
        before, ahead = self._rungs[place - 1], self._rungs[place]
        if price == ahead.sqrt_price_x96:
            return _of(ahead)

        tick = before.tick if price == before.sqrt_price_x96 else tick_at_sqrt_ratio(price)
        return Mark(price, tick, before.liquidity)

    def _partial(self, rung: Rung, remaining: int) -> int:
        """Price after an input, fee included, that ends short of the next rung."""
        net = remaining * self._fee // FEE_UNIT  # down
        return price_after_input(rung.sqrt_price_x96, rung.liquidity, net, zero_for_one=self._down)

    def _reach_in(self, amount_in: int) -> bool:
        while self._taken[-1] < amount_in:
            if not self._add():
                return False

        return True

    def _reach_out(self, amount_out: int) -> bool:
        while self._given[-1] < amount_out:
            if not self._add():
                return False

        return True

    def _add(self) -> bool:
        """Add the next rung; False where no liquidity lies ahead or all prices have ended."""
        if self._ended:
            return False

        rung = self._table.rung_after(self._rungs[-1], self._start, zero_for_one=self._down)
        if rung is None:
            self._ended = True
            return False

        self._rungs.append(rung)
        self._taken.append(self._taken[-1] + rung.taken)
        self._given.append(self._given[-1] + rung.given)
        self._keys.append(self._keys_sign * rung.sqrt_price_x96)
        return True


def _of(rung: Rung) -> Mark:
    return Mark(rung.sqrt_price_x96, rung.tick, rung.liquidity)
