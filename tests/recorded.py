"""The recorded answers of contracts that no registry carries: tests/vectors, one list of cases a protocol."""

import gzip
import json
import random
from functools import cache
from pathlib import Path

VECTORS = Path(__file__).parent / "vectors"


@cache
def recorded(protocol):
    """All cases of a protocol, in the file's order; nobody may change them."""
    return tuple(json.loads(gzip.decompress((VECTORS / f"{protocol}.json.gz").read_bytes())))


def sample(cases, per_kind, seed):
    """Draw so many answered and so many reverted cases of every kind, in the file's order."""
    rng = random.Random(seed)
    groups = {}

    for case in cases:
        groups.setdefault((case["kind"], case.get("revert", {}).get("name")), []).append(case)

    drawn = [case for group in groups.values() for case in rng.sample(group, min(per_kind, len(group)))]
    chosen = set(map(id, drawn))
    return [case for case in cases if id(case) in chosen]
