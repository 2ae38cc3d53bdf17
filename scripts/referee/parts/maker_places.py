"""Maker's contracts as the referee finds them: collaterals, their joins and their auctions, by logs and by asking."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from referee.abi import as_address, as_int, encode, selector, topic, word
from referee.chain import View, fetch_logs
from referee.probe import NOBODY, Subject
from referee.rpc import Rpc

RAY = 10**27
KICKED = topic("Kick(uint256,uint256,uint256,uint256,address,address,uint256)")
TAKEN = topic("Take(uint256,uint256,uint256,uint256,uint256,uint256,address)")
REDONE = topic("Redo(uint256,uint256,uint256,uint256,address,address,uint256)")


def note(signature: str) -> str:
    """Return the topic of the Vat's anonymous note of a call: its selector, padded on the right."""
    return "0x" + selector(signature).hex().ljust(64, "0")


FROB = note("frob(bytes32,address,address,address,int256,int256)")
GRAB = note("grab(bytes32,address,address,address,int256,int256)")
FORK = note("fork(bytes32,address,address,int256,int256)")
RELY = note("rely(address)")
FLUX = note("flux(bytes32,address,address,uint256)")


class Vault(NamedTuple):
    """A collateral's name, as a topic has it, and whose vault."""

    ilk: str
    urn: str

    def subject(self, deployment: str) -> Subject:
        """Spell it as the report does."""
        return Subject(deployment, self.ilk + self.urn[2:])


class Auction(NamedTuple):
    """A collateral's name, an auction's id, and whose vault it was."""

    ilk: str
    id: int
    usr: str

    def subject(self, deployment: str) -> Subject:
        """Spell it as the report does: 24 bytes of the name, 8 of the id, and the owner."""
        return Subject(deployment, self.ilk[: 2 + 48] + word(self.id).hex()[-16:] + self.usr[2:])


@dataclass(frozen=True, slots=True)
class Ilk:
    """Where a collateral's auctions, price and tokens are; scale: the Vat's units to one of the token's."""

    key: str
    clip: str
    spotter: str
    pip: str
    join: str
    gem: str
    scale: int


@dataclass(slots=True)
class Places:
    """What is known of a deployment; vaults and whoever the Vat relies on are only added."""

    vat: str
    dog: str
    start_block: int
    vaults: dict[Vault, None] = field(default_factory=dict)
    ilks: dict[str, Ilk] = field(default_factory=dict)
    _wards: dict[str, None] = field(default_factory=dict)
    _joins: dict[str, tuple[str, str, int]] = field(default_factory=dict)

    def learn(self, rpc: Rpc, span: tuple[int, int]) -> None:
        """Take in the Vat's notes of a span of blocks."""
        first, last = span

        for log in fetch_logs(rpc, [self.vat], [[FROB, GRAB, FORK, RELY]], (max(first, self.start_block), last)):
            kind, *words = log["topics"]

            if kind == RELY:
                self._wards[address_in(words[0])] = None
                continue

            for urn in words[1:3] if kind == FORK else words[1:2]:
                self.vaults[Vault(words[0], address_in(urn))] = None

    def find(self, view: View) -> None:
        """Ask for the auctions and the price of every collateral that a vault is known of; either may change."""
        self._find_joins(view)
        joins = {ilk: (ward, gem, decimals) for ward, (ilk, gem, decimals) in self._joins.items() if ilk}
        keys = [key for key in dict.fromkeys(vault.ilk for vault in self.vaults) if key in joins]
        clips = dict(
            zip(keys, _addresses(view, [(self.dog, encode("ilks(bytes32)", key)) for key in keys]), strict=True)
        )
        keys = [key for key, clip in clips.items() if clip != NOBODY]
        spotters = _addresses(view, [(clips[key], selector("spotter()")) for key in keys])
        priced = [(spotter, encode("ilks(bytes32)", key)) for key, spotter in zip(keys, spotters, strict=True)]

        for key, spotter, pip in zip(keys, spotters, _addresses(view, priced), strict=True):
            join, gem, decimals = joins[key]
            self.ilks[key] = Ilk(key, clips[key], spotter, pip, join, gem, 10 ** (18 - decimals))

    def _find_joins(self, view: View) -> None:
        """Ask whoever the Vat relies on what tokens they bring: those that say so are joins."""
        asked = [ward for ward in self._wards if ward not in self._joins]
        names = ("ilk()", "gem()", "dec()")
        answers = view.ask([(ward, selector(name)) for ward in asked for name in names])

        for place, ward in enumerate(asked):
            ilk, gem, dec = (answer or b"" for answer in answers[3 * place : 3 * place + 3])
            self._joins[ward] = ("0x" + ilk.hex(), as_address(gem), as_int(dec)) if ilk and gem else ("", NOBODY, 0)


def fetch_sales(rpc: Rpc, places: Places, span: tuple[int, int]) -> tuple[list[Any], list[Any]]:
    """Return what auctions said in a span of blocks, and the Vat's notes of the collateral that left them."""
    clips = [ilk.clip for ilk in places.ilks.values()]

    if not clips:
        return [], []

    said = fetch_logs(rpc, clips, [[KICKED, TAKEN, REDONE]], span)
    return said, fetch_logs(rpc, [places.vat], [FLUX, None, ["0x" + word(clip).hex() for clip in clips]], span)


def flux_of(taken: Mapping[str, Any], said: Iterable[Any], notes: Iterable[Any]) -> tuple[str, int]:
    """Return who got what a purchase bought, and how much, in the Vat's units.

    That is the first note behind whatever the auctions said before it in the transaction: at the end of an auction the
    rest goes to the owner, which makes another.
    """
    before = [_index(it) for it in said if _same(it, taken) and _index(it) < _index(taken)]
    own = [it for it in notes if _same(it, taken) and max(before, default=-1) < _index(it) < _index(taken)]
    (flux, *_) = sorted(own, key=_index)
    # The fourth argument, behind offset, length and selector.
    return address_in(flux["topics"][3]), int.from_bytes(bytes.fromhex(flux["data"][2:])[68 + 96 : 68 + 128], "big")


def address_in(text: str) -> str:
    """Return the address in a topic, lower case."""
    return "0x" + text[-40:].lower()


def _addresses(view: View, questions: Sequence[tuple[str, bytes]]) -> list[str]:
    return [as_address(answer) if answer else NOBODY for answer in view.ask(questions)]


def _same(log: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return bool(log["transactionHash"] == other["transactionHash"])


def _index(log: Mapping[str, Any]) -> int:
    return int(log["logIndex"], 16)
