"""A run of random cases, each drawn from a seed of its own, and how often each branch of the rules was met."""

import random
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Suite:
    """What is drawn: themes in turn; `branches` are those that must be met in the end."""

    name: str
    themes: tuple
    branches: set


def run(suite, count, seed, play):
    """Play so many cases: `play(place, theme, rng)` draws one, checks it and says which branches it met.

    A healthy position that is nowhere near its bound counts as "trivial": it shows next to nothing.
    """
    rng, met = random.Random(seed), Counter()
    for place in range(count):
        theme, own = suite.themes[place % len(suite.themes)], rng.getrandbits(64)
        try:
            found = play(place, theme, random.Random(own))
        except AssertionError as error:
            error.add_note(f"case {place} of theme {theme}, seed {seed}, own seed {own}")
            raise

        met.update(found)
        met["trivial"] += "healthy" in found and "near one" not in found

    print(f"\n{suite.name}: {count} cases, {met['trivial']} trivial, seed {seed}")
    for branch in sorted(suite.branches | met.keys()):
        print(f"  {branch:32} {met[branch]:6}")

    return met
