"""Counts of things in sentences for people."""


def counted(count: int, noun: str, ending: str = "s") -> str:
    """Spell a count of things, one or many."""
    return f"{count:,} {noun}{'' if count == 1 else ending}"
