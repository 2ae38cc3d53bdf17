"""The book's columns and kernel on positions small enough to work out by hand."""

import numpy as np

from keeper.book.columns import PositionBook
from keeper.book.screen import nearest, suspects
from keeper.protocols.base import Factors, HealthRow
from keeper.types import PositionKey


def _key(number: int) -> PositionKey:
    return PositionKey(number.to_bytes(20, "big"))


def _factors() -> Factors:
    # slot 0: worth 2 as cover; slot 1: worth 3 as debt
    return Factors(cover=np.array([2.0, 0.0]), required=np.array([0.0, 3.0]), slack=np.array([0.5, 0.5]))


def _row(number: int, cover: int, required: int) -> HealthRow:
    return HealthRow(_key(number), ((0, cover),), ((1, required),))


def test_suspects_below_at_and_above_the_slack_are_told_apart() -> None:
    # margins: 2*10 - 3*7 = -1 < 1; 2*11 - 3*7 = 1, at the slack, inside the relative band; 2*12 - 3*7 = 3
    book = PositionBook()
    for number, cover in ((1, 10), (2, 11), (3, 12)):
        book.upsert(_row(number, cover, 7))

    assert suspects(book, _factors()) == [_key(1), _key(2)]


def test_upsert_again_replaces_the_row() -> None:
    book = PositionBook()
    book.upsert(_row(1, 10, 7))
    book.upsert(_row(1, 100, 7))

    assert suspects(book, _factors()) == []
    assert len(book) == 1


def test_upsert_without_debt_leaves_the_book() -> None:
    book = PositionBook()
    book.upsert(_row(1, 10, 7))
    book.upsert(HealthRow(_key(1), ((0, 10),), ()))

    assert len(book) == 0
    assert _key(1) not in book


def test_remove_from_the_middle_keeps_the_others_findable() -> None:
    book = PositionBook()
    for number in range(200):  # more than one growth of the columns
        book.upsert(_row(number, 1 if number % 2 else 1_000, 7))

    for number in range(0, 200, 4):
        book.remove(_key(number))

    for number in range(1, 200, 4):
        book.remove(_key(number))

    assert suspects(book, _factors()) == [_key(n) for n in range(200) if n % 4 == 3]
    assert book.keys() == [_key(n) for n in range(200) if n % 4 in (2, 3)]


def test_nearest_orders_by_the_ratio_of_cover_to_required() -> None:
    book = PositionBook()
    for number, cover in ((1, 30), (2, 12), (3, 21)):
        book.upsert(_row(number, cover, 7))

    found = nearest(book, _factors(), 2)

    assert [key for key, _ in found] == [_key(2), _key(3)]
    assert [round(ratio, 3) for _, ratio in found] == [1.143, 2.0]  # 24/21 and 42/21
