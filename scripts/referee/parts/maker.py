"""Maker: whose vault can be put up for auction, which auctions can be bought or begun anew, and what each pays.

All of it is tried, in the block that follows, with whatever pokes that block allows: an auction's price is another in
every block, so nothing is carried over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from referee.abi import as_address, as_int, as_list, decode_answers, encode, encode_questions, pack, selector, word
from referee.chain import ASK, View
from referee.manifest import Deployment
from referee.parts.base import Funds, Holder, Liquidation, Reading
from referee.parts.maker_places import (
    KICKED,
    RAY,
    TAKEN,
    Auction,
    Ilk,
    Places,
    Vault,
    address_in,
    fetch_sales,
    flux_of,
)
from referee.probe import ADDRESS, MAX_SIZE, Pair, Step, Subject, Trial
from referee.rpc import Rpc

KIND = "maker"
# Of what is left to sell, in tenths: each size is a transaction of its own.
TENTHS = (1, 2, 4, 6, 8)
GAS = 5_000_000
TAKE = selector("take(uint256,uint256,uint256,address,bytes)")


class Bought(NamedTuple):
    """What a purchase of some size takes and gives: rad, and the Vat's units of collateral."""

    owe: int
    slice: int


class Paid(NamedTuple):
    """Calls that pay whoever makes them, and how much: rad."""

    steps: tuple[Step, ...]
    coin: int


@dataclass(slots=True)
class Maker:
    """One deployment; what it tried in the last block is kept for the trials that follow."""

    name: str
    jug: str
    dai_join: str
    dai: str
    places: Places
    auctions: dict[Subject, Auction] = field(default_factory=dict)
    bought: dict[tuple[Subject, int], Bought] = field(default_factory=dict)
    paid: dict[Subject, Paid] = field(default_factory=dict)

    @property
    def accounts(self) -> int:
        return len(self.places.vaults)

    @property
    def tokens(self) -> Sequence[str]:
        return [self.dai, *dict.fromkeys(ilk.gem for ilk in self.places.ilks.values())]

    @property
    def claims(self) -> Sequence[str]:
        return ()

    def learn(self, rpc: Rpc, span: tuple[int, int]) -> None:
        self.places.learn(rpc, span)

    def read(self, view: View, funds: Funds) -> Reading:
        """Try every vault and every running auction."""
        self.places.find(view)

        for known in (self.auctions, self.bought, self.paid):
            known.clear()

        return Reading(holders=[*self._unsafe(view), *self._running(view, funds)])

    def trial(self, pair: Pair, size: int) -> Trial:
        """Buy so much and carry it out of the Vat, or collect what a bark or a redo pays."""
        subject = pair.subject

        if subject in self.paid:
            steps, coin = self.paid[subject]
            collect = encode("exit(address,uint256)", ADDRESS, coin // RAY)
            return Trial(self.dai_join, (*steps, self._hope(self.dai_join), Step(self.dai_join, collect)), GAS)

        auction, (owe, slice_) = self.auctions[subject], self.bought[subject, size]
        ilk = self.places.ilks[auction.ilk]
        return Trial(
            self.dai_join,
            (
                Step(self.dai_join, encode("join(address,uint256)", ADDRESS, -(-owe // RAY))),
                self._hope(ilk.clip),
                Step(ilk.clip, _take(auction.id, size)),
                Step(ilk.join, encode("exit(address,uint256)", ADDRESS, slice_ // ilk.scale)),
            ),
            GAS,
        )

    def liquidations(self, rpc: Rpc, span: tuple[int, int]) -> list[Liquidation]:
        """Return every bark, purchase and redo."""
        said, notes = fetch_sales(rpc, self.places, span)
        by_clip = {ilk.clip: ilk for ilk in self.places.ilks.values()}
        return [
            self._liquidation(
                log, by_clip[log["address"].lower()], flux_of(log, said, notes) if _is_take(log) else None
            )
            for log in said
        ]

    # Vaults

    def _unsafe(self, view: View) -> list[Holder]:
        """Find the vaults that a bark takes: all in turn, and once more without those that it took."""
        pokes = {key: self._pokes(view, ilk) for key, ilk in self.places.ilks.items()}
        waiting = [vault for vault in self.places.vaults if vault.ilk in pokes]
        found: list[Vault] = []

        while waiting:
            # One call, so what one bark takes up of the limits the next has not: it has another turn.
            first = [(step.to, step.data) for steps in pokes.values() for step in steps]
            answers = view.ask([*first, *((self.places.dog, _bark(vault)) for vault in waiting)])[len(first) :]
            taken = [vault for vault, answer in zip(waiting, answers, strict=True) if answer]
            found += taken
            waiting = [vault for vault in waiting if vault not in taken] if taken else []

        return [
            self._trigger(view, vault.subject(self.name), (*pokes[vault.ilk], Step(self.places.dog, _bark(vault))))
            for vault in found
        ]

    def _pokes(self, view: View, ilk: Ilk) -> tuple[Step, ...]:
        """Return the pokes the next block allows, in their order; whether a pip can be poked is found by trying."""
        steps = (
            Step(ilk.pip, selector("poke()")),
            Step(ilk.spotter, encode("poke(bytes32)", ilk.key)),
            Step(self.jug, encode("drip(bytes32)", ilk.key)),
        )
        answers = view.ask([(step.to, step.data) for step in steps])
        return tuple(step for step, answer in zip(steps, answers, strict=True) if answer is not None)

    def _trigger(self, view: View, subject: Subject, steps: tuple[Step, ...]) -> Holder:
        """Measure what calls pay that anybody may make."""
        questions = [(step.to, step.data) for step in steps]
        (*_, answer) = view.ask([*questions, (self.places.vat, encode("dai(address)", ADDRESS))])
        self.paid[subject] = Paid(steps, as_int(answer or b""))
        pair = Pair(subject, self.dai, self.dai)
        return Holder(subject, 0, view.block.hash.encode(), {pair: (1,)} if self.paid[subject].coin >= RAY else {})

    # Auctions

    def _running(self, view: View, funds: Funds) -> list[Holder]:
        """Try every auction that runs: to begin it anew where it says that it must, else to buy."""
        ilks = list(self.places.ilks.values())
        lists = view.ask([(ilk.clip, selector("list()")) for ilk in ilks])
        running = [(ilk, id_) for ilk, listed in zip(ilks, lists, strict=True) for id_ in as_list(listed or b"")]
        names = ("sales(uint256)", "getStatus(uint256)")
        answers = view.ask([(ilk.clip, encode(name, id_)) for ilk, id_ in running for name in names])
        holders = []

        for place, (ilk, id_) in enumerate(running):
            sale, status = answers[2 * place : 2 * place + 2]

            if not sale or not status:
                continue

            auction = Auction(ilk.key, id_, as_address(sale, 3))
            subject = auction.subject(self.name)
            self.auctions[subject] = auction

            if as_int(status, 0):
                redo = Step(ilk.clip, encode("redo(uint256,address)", id_, ADDRESS))
                holders.append(self._trigger(view, subject, (redo,)))
            else:
                holders.append(self._auction(view, funds, subject, status))

        return [holder for holder in holders if holder.sizes]

    def _auction(self, view: View, funds: Funds, subject: Subject, status: bytes) -> Holder:
        """Buy some sizes, each on its own, with all that is still asked for as money."""
        auction = self.auctions[subject]
        ilk, lot = self.places.ilks[auction.ilk], as_int(status, 2)
        joined = -(-as_int(status, 3) // RAY)
        sizes = []

        for size in (*sorted({max(1, lot * tenths // 10) for tenths in TENTHS}), MAX_SIZE):
            questions = [
                (self.dai, encode("approve(address,uint256)", self.dai_join, joined)),
                (self.dai_join, encode("join(address,uint256)", ADDRESS, joined)),
                (self.places.vat, encode("hope(address)", ilk.clip)),
                (ilk.clip, _take(auction.id, size)),
                (self.places.vat, encode("dai(address)", ADDRESS)),
                (self.places.vat, encode("gem(bytes32,address)", ilk.key, ADDRESS)),
            ]
            answers = list(decode_answers(view.run(ASK + encode_questions(questions), funds)))
            left, slice_ = as_int(answers[4] or b""), as_int(answers[5] or b"")

            if answers[3] is not None and slice_ >= ilk.scale:
                self.bought[subject, size] = Bought(joined * RAY - left, slice_)
                sizes.append(size)

        pair = Pair(subject, ilk.gem, self.dai)
        return Holder(subject, 0, view.block.hash.encode(), {pair: sizes} if sizes else {})

    def _liquidation(self, log: Mapping[str, Any], ilk: Ilk, flux: tuple[str, int] | None) -> Liquidation:
        """Read a bark or a redo as paying its coin for nothing, a purchase as paying what is owed, rounded up."""
        topics, data = log["topics"], bytes.fromhex(log["data"][2:])
        kind, auction = topics[0], Auction(ilk.key, int(topics[1], 16), address_in(topics[2]))
        vault = Vault(ilk.key, auction.usr)

        if flux is None:
            who, collateral, repaid, seized = address_in(topics[3]), self.dai, 0, as_int(data, 3) // RAY
        else:
            who, collateral, repaid, seized = flux[0], ilk.gem, -(-as_int(data, 2) // RAY), flux[1] // ilk.scale

        return Liquidation(
            tx_hash=log["transactionHash"],
            block=int(log["blockNumber"], 16),
            subject=vault.subject(self.name) if kind == KICKED else auction.subject(self.name),
            collateral=collateral,
            debt=self.dai,
            repaid=repaid,
            seized=seized,
            liquidator=who,
        )

    def _hope(self, whom: str) -> Step:
        return Step(self.places.vat, encode("hope(address)", whom))


def open_part(view: View, deployment: Deployment) -> Maker:
    """Read a deployment; raises RefereeError where one of its contracts does not name the others."""
    dog, jug, dai_join = deployment.addresses("dog", "jug", "dai_join")
    vat, dai = map(as_address, view.must([(dog, selector("vat()")), (dai_join, selector("dai()"))]))
    return Maker(deployment.name, jug, dai_join, dai, Places(vat, dog, deployment.start_block))


def _is_take(log: Mapping[str, Any]) -> bool:
    return bool(log["topics"][0] == TAKEN)


def _bark(vault: Vault) -> bytes:
    return encode("bark(bytes32,address,address)", vault.ilk, vault.urn, ADDRESS)


def _take(id_: int, size: int) -> bytes:
    """Encode a purchase at any price, for the probe itself and without a callback."""
    return TAKE + pack(id_, size, MAX_SIZE, ADDRESS, word(0))
