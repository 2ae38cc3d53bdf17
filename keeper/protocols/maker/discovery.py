"""What must be known before the first log: the contracts, and the collateral types by where they are joined.

Configuration names the Dog, the Jug and the joins; everything else is asked of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from keeper.errors import ConfigError, StateError
from keeper.protocols.feeds import answer, call
from keeper.protocols.maker import abi
from keeper.protocols.maker.ilk import WAD_DECIMALS, Listing
from keeper.protocols.maker.market import Contracts
from keeper.protocols.maker.urn import Urn, has_room, ilk_of, owner_of
from keeper.protocols.reads import Reads, ask
from keeper.protocols.words import WORD, address_at, word
from keeper.types import ZERO_ADDRESS, Address, PositionKey, Returned, to_checksum

PER_ROUND = 2_000
"""Vaults asked for in one round, which the shell splits further."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """What the configuration names."""

    dog: Address
    jug: Address
    dai_join: Address
    gem_joins: tuple[Address, ...]


def read_contracts(deployment: str, named: Addresses) -> Reads[tuple[Contracts, tuple[Listing, ...]]]:
    """Ask who belongs together, and for every join's collateral type; `ConfigError` names what does not belong.

    All share the Spotter of the first collateral type's Clipper; another one is found out in every block.
    """
    asked = [
        call(named.dog, abi.VAT),
        call(named.dog, abi.VOW),
        call(named.jug, abi.VAT),
        call(named.dai_join, abi.VAT),
        call(named.dai_join, abi.DAI),
        *(call(join, what) for join in named.gem_joins for what in (abi.VAT, abi.ILK, abi.GEM, abi.DEC)),
    ]
    answers = yield from ask(*asked)
    vat, vow, jug_vat, dai_vat, dai = (_address(each) for each in answers[:5])
    if vat is None or vow is None:
        raise _wrong(deployment, "dog", named.dog)

    if jug_vat != vat:
        raise _wrong(deployment, "jug", named.jug)

    if dai_vat != vat or dai is None:
        raise _wrong(deployment, "dai_join", named.dai_join)

    listings = [
        _listing(deployment, place, join, vat, answers[5 + 4 * place : 9 + 4 * place])
        for place, join in enumerate(named.gem_joins)
    ]
    names = [listing.ilk for listing in listings]
    for listing in listings:
        if names.count(listing.ilk) > 1:
            raise ConfigError(f"deployment {deployment}: gem_joins has two joins of {listing.name}; leave one out")

    spotter = yield from _read_spotter(deployment, named.dog, listings)
    return Contracts(vat, named.dog, vow, spotter, named.jug, named.dai_join, dai), tuple(listings)


def _listing(deployment: str, place: int, join: Address, vat: Address, answers: Sequence[Returned]) -> Listing:
    belongs, gem, decimals = _address(answers[0]), _address(answers[2]), answers[3]
    is_join = belongs == vat and all(a.ok and len(a.data) == WORD for a in answers)
    if not is_join or gem is None or word(decimals.data, 0) > WAD_DECIMALS:
        raise _wrong(deployment, "gem_joins", join)

    ilk = answers[1].data
    if not has_room(ilk):
        raise ConfigError(
            f"deployment {deployment}: the collateral type of {to_checksum(join)} has a name of more than 24 bytes, "
            "which this adapter does not follow; leave it out of gem_joins"
        )

    return Listing(place, ilk, join, gem, word(decimals.data, 0))


def _read_spotter(deployment: str, dog: Address, listings: Sequence[Listing]) -> Reads[Address]:
    """Ask the Clippers which Spotter they go by; a type without a Clipper has none."""
    answers = yield from ask(*(call(dog, abi.DOG_ILKS, listing.ilk) for listing in listings))
    clips = [address_at(answer(a, abi.DOG_ILKS, dog), 0) for a in answers]
    answers = yield from ask(*(call(clip, abi.SPOTTER) for clip in clips))
    found = [spotter for spotter in map(_address, answers) if spotter is not None]
    if not found:
        raise ConfigError(f"deployment {deployment}: none of the collateral types of gem_joins has a Clipper")

    return found[0]


def read_urns(vat: Address, keys: Sequence[PositionKey]) -> Reads[dict[PositionKey, Urn]]:
    """Read vaults as the Vat stores them."""
    found: dict[PositionKey, Urn] = {}
    for start in range(0, len(keys), PER_ROUND):
        chunk = keys[start : start + PER_ROUND]
        answers = yield from ask(*(call(vat, abi.URNS, ilk_of(key), owner_of(key)) for key in chunk))
        for key, returned in zip(chunk, answers, strict=True):
            data = answer(returned, abi.URNS, vat)
            found[key] = Urn(word(data, 0), word(data, 1))

    return found


def checked(error: ConfigError, *, known: bool) -> ConfigError | StateError:
    """What was right once is no mistake of the operator's."""
    return StateError(error.message) if known else error


def _address(returned: Returned) -> Address | None:
    if not returned.ok or len(returned.data) != WORD or word(returned.data, 0) >> 160:
        return None

    address = address_at(returned.data, 0)
    return None if address == ZERO_ADDRESS else address


def _wrong(deployment: str, field: str, contract: Address) -> ConfigError:
    return ConfigError(
        f"deployment {deployment}: {to_checksum(contract)} does not answer like the {field} of this deployment; "
        f"check {field}, and the chain"
    )
