"""Reads without I/O: an adapter yields what it wants read and is handed the answers, all at one block hash.

`ask` is the only yield; everything else composes with `yield from`. The shell decides how requests travel.
"""

from collections.abc import Generator, Sequence
from typing import TypeAlias, TypeVar

from keeper.types import Request, Returned

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")

Reads: TypeAlias = Generator[tuple[Request, ...], tuple[Returned, ...], T]


def ask(*requests: Request) -> Reads[tuple[Returned, ...]]:
    """Ask for answers in one round; they come back in the order of the requests."""
    return (yield requests)


def gather_all(reads: Sequence[Reads[T]]) -> Reads[list[T]]:
    """Run reads side by side, one batch per round for all of them; results in the order given."""
    results: dict[int, T] = {}
    waiting: dict[int, tuple[Request, ...]] = {}
    for i, read in enumerate(reads):
        try:
            waiting[i] = next(read)
        except StopIteration as stop:
            results[i] = stop.value

    while waiting:
        batch = tuple(request for requests in waiting.values() for request in requests)
        answers = yield batch
        start = 0
        for i, requests in list(waiting.items()):
            share = answers[start : start + len(requests)]
            start += len(requests)
            try:
                waiting[i] = reads[i].send(share)
            except StopIteration as stop:
                results[i] = stop.value
                del waiting[i]

    return [results[i] for i in range(len(reads))]


def gather(a: Reads[A], b: Reads[B]) -> Reads[tuple[A, B]]:
    """Run two reads of different kinds side by side."""
    found_a: list[A] = []
    found_b: list[B] = []
    yield from gather_all([_into(a, found_a), _into(b, found_b)])
    return found_a[0], found_b[0]


def _into(read: Reads[T], found: list[T]) -> Reads[None]:
    found.append((yield from read))
