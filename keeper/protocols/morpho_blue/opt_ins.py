"""Who opted in to which pre-liquidation contracts: kept from the factory's logs and from authorisations on Morpho."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from keeper.errors import DecodeError
from keeper.protocols.morpho_blue import abi
from keeper.protocols.morpho_blue.discovery import answer
from keeper.protocols.morpho_blue.params import position_key
from keeper.protocols.morpho_blue.pre_liquidation import (
    ENCODED_BYTES,
    PreLiquidation,
    created_in,
    decode_pre_liquidation,
)
from keeper.protocols.reads import Reads, ask
from keeper.protocols.words import WORD, encode, indexed_address, word
from keeper.types import Address, Call, Log, LogQuery, PositionKey

Consent: TypeAlias = tuple[Address, Address]
"""A borrower, and a contract it authorised."""
_CONSENT_BYTES: Final = 40
_COUNT_BYTES: Final = 4


class OptIns:
    """Pre-liquidation contracts, and the borrowers who authorised them.

    Invariant: after every log up to a block was applied, `consents` are those of the chain at that block, for
    contracts whose creation was seen before the authorisation.
    """

    def __init__(self, morpho: Address, factory: Address | None) -> None:
        self.contracts: dict[Address, PreLiquidation] = {}
        self.consents: set[Consent] = set()
        self.changed = False
        self._morpho = morpho
        self._factory = factory
        self._touched: dict[Consent, int] = {}
        self._by_position: Mapping[PositionKey, tuple[PreLiquidation, ...]] = {}

    def sources(self) -> tuple[LogQuery, ...]:
        """Logs of the factory, and Morpho's authorisations of what it made."""
        if self._factory is None:
            return ()

        return (LogQuery((self._factory,), ((abi.CREATE_PRE_LIQUIDATION,),)), *self._consents_to(self.contracts))

    def _consents_to(self, contracts: Iterable[Address]) -> tuple[LogQuery, ...]:
        words = tuple(contract.rjust(WORD, b"\0") for contract in contracts)
        return (LogQuery((self._morpho,), ((abi.SET_AUTHORIZATION,), (), (), words)),) if words else ()

    def apply(self, logs: Sequence[Log]) -> tuple[LogQuery, ...]:
        """Fold logs in; a new contract asks for the authorisations of it over the same range."""
        fresh: list[Address] = []
        for log in logs:
            kind = log.topics[:1]
            if log.address == self._factory and kind == (abi.CREATE_PRE_LIQUIDATION,):
                created = created_in(log)
                if created.contract not in self.contracts:
                    self.contracts[created.contract] = created
                    fresh.append(created.contract)
                    self._index()
            elif log.address == self._morpho and kind == (abi.SET_AUTHORIZATION,):
                self._consent(log)

        return self._consents_to(fresh)

    def _consent(self, log: Log) -> None:
        consent = (indexed_address(log, 2), indexed_address(log, 3))
        if consent[1] in self.contracts:
            self._touched[consent] = log.block_number
            self._set(consent, given=word(log.data, 0) != 0)

    def _set(self, consent: Consent, *, given: bool) -> None:
        if given == (consent in self.consents):
            return

        if given:
            self.consents.add(consent)
        else:
            self.consents.discard(consent)

        self._index()

    def reread(self, block: int) -> Reads[None]:
        """Ask Morpho again for every authorisation that changed after a block."""
        doubted = sorted(consent for consent, touched in self._touched.items() if touched > block)
        if not doubted:
            return

        answers = yield from ask(*(Call(self._morpho, encode(abi.IS_AUTHORIZED, *consent)) for consent in doubted))
        for consent, returned in zip(doubted, answers, strict=True):
            self._set(consent, given=word(answer(returned, "isAuthorized", self._morpho), 0) != 0)

    @property
    def by_position(self) -> Mapping[PositionKey, tuple[PreLiquidation, ...]]:
        """The contracts that may liquidate each position early; what was returned once never changes."""
        return self._by_position

    def _index(self) -> None:
        found: dict[PositionKey, tuple[PreLiquidation, ...]] = {}
        for borrower, contract in sorted(self.consents):
            terms = self.contracts[contract]
            key = position_key(terms.market, borrower)
            found[key] = (*found.get(key, ()), terms)

        self._by_position = found
        self.changed = True

    # Store ----------------------------------------------------------------------------------------------------------

    def encoded(self) -> bytes:
        """Pack everything: the number of contracts, these, then the authorisations."""
        contracts = b"".join(terms.encoded for terms in self.contracts.values())
        consents = b"".join(borrower + contract for borrower, contract in sorted(self.consents))
        return len(self.contracts).to_bytes(_COUNT_BYTES, "big") + contracts + consents

    def restore(self, data: bytes) -> None:
        """Unpack `encoded`; `DecodeError` for any other shape."""
        count, body = int.from_bytes(data[:_COUNT_BYTES], "big"), data[_COUNT_BYTES:]
        split = count * ENCODED_BYTES
        if len(data) < _COUNT_BYTES or split > len(body) or (len(body) - split) % _CONSENT_BYTES:
            raise DecodeError("the saved pre-liquidation contracts have another shape", length=len(data))

        known = [decode_pre_liquidation(body[i : i + ENCODED_BYTES]) for i in range(0, split, ENCODED_BYTES)]
        self.contracts = {terms.contract: terms for terms in known}
        pairs = [body[i : i + _CONSENT_BYTES] for i in range(split, len(body), _CONSENT_BYTES)]
        self.consents = {(Address(pair[:20]), Address(pair[20:])) for pair in pairs}
        if any(contract not in self.contracts for _, contract in self.consents):
            raise DecodeError("a saved authorisation of a contract that was not saved", length=len(data))

        self._index()
        self.changed = False
