"""Keeps the exits that are no swap: vaults whose shares are redeemed, wstETH, the wrapped native token.

There is nothing to learn from logs; the rates are read at every block, all in one batch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from keeper.errors import ConfigError
from keeper.protocols.base import Applied, Row
from keeper.protocols.reads import Reads, ask
from keeper.protocols.words import address_at, encode, selector, word
from keeper.routing.base import Pool
from keeper.routing.conversion import Conversion, Rate
from keeper.routing.rates import PROBES, rate_of
from keeper.types import ZERO_ADDRESS, Address, BlockHead, Call, Log, LogQuery, Returned
from keeper.units import MAX_UINT128

_ASSET: Final = selector("asset()")
_STETH: Final = selector("stETH()")
_DECIMALS: Final = selector("decimals()")
_TOTAL_ASSETS: Final = selector("totalAssets()")
_TOTAL_SUPPLY: Final = selector("totalSupply()")
_POOLED: Final = selector("getTotalPooledEther()")
_SHARES: Final = selector("getTotalShares()")
_LESS_ON_ARRIVAL: Final = 2
"""stETH is kept in shares, so that what arrives is up to so many wei less than what was sent."""


class Exits(Protocol):
    """Whoever knows how to read some conversions."""

    def bootstrap(self, head: BlockHead) -> Reads[None]:
        """Read what never changes; `ConfigError` for a contract of another kind."""
        ...

    def observe(self) -> Reads[tuple[Conversion, ...]]:
        """Read what can be converted now, and at what rate; what is not understood is left out."""
        ...


class ConversionSync:
    """The conversions of one `[[venue]]`. Invariant: `pools()` are those read at the last block observed."""

    def __init__(self, exits: Exits) -> None:
        self._exits = exits
        self._found: tuple[Conversion, ...] = ()

    def bootstrap(self, head: BlockHead) -> Reads[None]:
        """Read what never changes."""
        return self._exits.bootstrap(head)

    def observe(self, _head: BlockHead) -> Reads[None]:
        """Read the rates of this block."""
        self._found = ()
        self._found = yield from self._exits.observe()

    def sources(self) -> tuple[LogQuery, ...]:
        """No log."""
        return ()

    def apply(self, _logs: Sequence[Log]) -> Applied:
        """Nothing to fold."""
        return Applied()

    def reread(self, head: BlockHead) -> Reads[None]:
        """Observe that block."""
        return self.observe(head)

    def pools(self) -> tuple[Pool, ...]:
        """What can be converted."""
        return self._found

    def preceding(self, pools: Mapping[Address, Pool], _logs: Sequence[Log]) -> Mapping[Address, Pool]:
        """The given pools: a rate is the block's before, but for the interest of the one that followed."""
        return pools

    def save(self) -> Sequence[Row]:
        """Nothing: everything is read again."""
        return ()

    def restore(self, _rows: Sequence[Row]) -> None:
        """Nothing to take back."""


@dataclass(frozen=True, slots=True)
class Vault:
    """An ERC-4626 vault; `offset` is by how many decimals its shares are finer than the asset."""

    address: Address
    asset: Address
    offset: int


class Erc4626Exits:
    """The vaults an operator names."""

    def __init__(self, vaults: Sequence[Address]) -> None:
        self._named = tuple(vaults)
        self._vaults: tuple[Vault, ...] = ()

    def bootstrap(self, head: BlockHead) -> Reads[None]:
        """Read each vault's asset; `ConfigError` for what is no vault."""
        vaults: list[Vault] = []
        for vault in self._named:
            asset, own = yield from ask(Call(vault, _ASSET), Call(vault, _DECIMALS))
            if not _is_word(asset) or not _is_word(own):
                raise ConfigError(
                    f"0x{vault.hex()} is no ERC-4626 vault in block {head.number}: it does not name its asset; "
                    "check `vaults` in the [[venue]] table",
                    vault=vault,
                )

            token = address_at(asset.data, 0)
            (decimals,) = yield from ask(Call(token, _DECIMALS))
            finer = word(own.data, 0) - (word(decimals.data, 0) if _is_word(decimals) else 0)
            vaults.append(Vault(vault, token, max(finer, 0)))

        self._vaults = tuple(vaults)

    def observe(self) -> Reads[tuple[Conversion, ...]]:
        """Read every vault's totals, previews and what it can pay at once, in one batch."""
        asked = [_questions(vault) for vault in self._vaults]
        answers = (yield from ask(*(call for calls in asked for call in calls))) if asked else ()
        size = len(answers) // max(len(asked), 1)
        shares = [answers[start : start + size] for start in range(0, len(answers), size or 1)]
        found = (_conversion(vault, share) for vault, share in zip(self._vaults, shares, strict=True))
        return tuple(conversion for conversion in found if conversion is not None)


class WstethExits:
    """The wrapper of stETH."""

    def __init__(self, wrapper: Address) -> None:
        self._wrapper = wrapper
        self._steth = ZERO_ADDRESS

    def bootstrap(self, head: BlockHead) -> Reads[None]:
        """Read which stETH it wraps; `ConfigError` for what is no such wrapper."""
        (steth,) = yield from ask(Call(self._wrapper, _STETH))
        if not _is_word(steth):
            raise ConfigError(
                f"0x{self._wrapper.hex()} is not wstETH in block {head.number}: it does not name its stETH; "
                "check `wrapper` in the [[venue]] table",
                wrapper=self._wrapper,
            )

        self._steth = address_at(steth.data, 0)

    def observe(self) -> Reads[tuple[Conversion, ...]]:
        """Read the rate, as the ratio of stETH's totals, and see that the wrapper's own answers follow it."""
        answers = yield from ask(
            Call(self._steth, _POOLED),
            Call(self._steth, _SHARES),
            Call(self._wrapper, _TOTAL_SUPPLY),
            *(Call(self._wrapper, encode("getStETHByWstETH(uint256)", amount)) for amount in PROBES),
        )
        if not all(_is_word(answer) for answer in answers):
            return ()

        pooled, shares, supply, *previews = (word(answer.data, 0) for answer in answers)
        rate = rate_of(dict(zip(PROBES, previews, strict=True)), pooled, shares, 0)
        if rate is None:
            return ()

        less = Rate(rate.numerator, rate.denominator, margin=rate.margin + _LESS_ON_ARRIVAL)
        return (Conversion("wsteth", self._wrapper, (self._wrapper, self._steth), less, supply),)


class NativeExits:
    """The wrapped native token as an exit to the native one, which the zero address stands for."""

    def __init__(self, wrapped: Address) -> None:
        self._wrapped = wrapped

    def bootstrap(self, _head: BlockHead) -> Reads[None]:
        """Nothing to read."""
        yield from ()

    def observe(self) -> Reads[tuple[Conversion, ...]]:
        """One for one, always."""
        yield from ()
        tokens = (self._wrapped, ZERO_ADDRESS)
        return (Conversion("wrapped_native", self._wrapped, tokens, Rate(1, 1), MAX_UINT128),)


def _questions(vault: Vault) -> list[Call]:
    return [
        Call(vault.address, _TOTAL_ASSETS),
        Call(vault.address, _TOTAL_SUPPLY),
        Call(vault.asset, encode("balanceOf(address)", vault.address)),
        *(Call(vault.address, encode("previewRedeem(uint256)", amount)) for amount in PROBES),
    ]


def _conversion(vault: Vault, answers: Sequence[Returned]) -> Conversion | None:
    """The exit a vault's answers describe: within what it holds unlent, since the rest may not be there to pay with."""
    if not all(_is_word(answer) for answer in answers[:3]):
        return None

    assets, shares, idle = (word(answer.data, 0) for answer in answers[:3])
    # A vault may refuse a probe that is too large for it; the others must do then.
    previews = {
        amount: word(answer.data, 0) for amount, answer in zip(PROBES, answers[3:], strict=True) if _is_word(answer)
    }
    rate = rate_of(previews, assets, shares, vault.offset) if previews else None
    if rate is None:
        return None

    limit = min(shares, _most(rate, idle))
    return Conversion("erc4626", vault.address, (vault.address, vault.asset), rate, limit)


def _most(rate: Rate, payable: int) -> int:
    """The greatest input that is worth no more than what can be paid, before any fee."""
    return ((payable + 1) * rate.denominator - 1) // rate.numerator if rate.numerator else 0


def _is_word(answer: Returned) -> bool:
    return answer.ok and len(answer.data) == 32
