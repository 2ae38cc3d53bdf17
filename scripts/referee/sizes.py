"""The twenty sizes tried for each pair."""

from referee.probe import MAX_SIZE

COUNT = 20
# Of the whole debt, in millionths: a logarithmic tail from dust to a tenth, then even steps to all of it.
MILLIONTHS = (
    1, 100, 1_000, 3_000, 10_000, 20_000, 35_000, 50_000, 75_000,
    100_000, 200_000, 300_000, 400_000, 500_000, 600_000, 700_000, 800_000, 900_000, 1_000_000,
)  # fmt: skip


def sizes(debt: int) -> tuple[int, ...]:
    """Return the amounts of debt to offer, base units, from one unit to all, and the maximum of the type.

    Rounded down, at least 1; a debt of a few units has fewer distinct sizes.
    """
    return tuple(sorted({max(1, debt * part // 1_000_000) for part in MILLIONTHS} | {MAX_SIZE}))
