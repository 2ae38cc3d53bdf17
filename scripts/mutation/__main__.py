"""The command: list the mutants of a module, try each, and hold the survivors against the list of equivalents."""

import argparse
import sys
import time
import tomllib
from collections import Counter
from pathlib import Path

from mutation.mutants import Mutant, mutants
from mutation.trial import Verdict, attempt, warm_up


def main() -> int:
    """Return 0 where every mutant was killed or is listed as equivalent, and every listed one survived."""
    parser = argparse.ArgumentParser(prog="mutate", description=__doc__)
    parser.add_argument("module", type=Path, help="the file to change, e.g. keeper/protocols/aave_v3/math.py")
    parser.add_argument("--tests", nargs="+", required=True, help="what must notice, quickest first")
    parser.add_argument("--equivalent", type=Path, help="a TOML file of mutants no test can notice, and why")
    parser.add_argument("--timeout-s", type=float, default=120.0, help="per mutant; one that never ends is killed")
    parser.add_argument("--only", help="try only mutants of this function")
    options = parser.parse_args()

    source = options.module.read_text()
    name = ".".join(options.module.with_suffix("").parts)
    reasons = _reasons(options.equivalent)
    warm_up()
    if attempt(name, source, options.tests, options.timeout_s) is not Verdict.SURVIVED:
        print("the tests fail without any mutation", file=sys.stderr)
        return 1

    started = time.monotonic()
    chosen = [m for m in mutants(source) if options.only in (None, m.where)]
    found = [(mutant, attempt(name, mutant.source, options.tests, options.timeout_s)) for mutant in chosen]
    survivors = {m.name for m, verdict in found if verdict is Verdict.SURVIVED}
    listed = {m.name for m in chosen} & reasons.keys()
    _print_table(found, reasons)
    print(f"{len(found)} mutants of {options.module} in {time.monotonic() - started:.0f} s")

    complaints = [f"survived, and not listed: {_said(*name)}" for name in survivors - reasons.keys()]
    complaints += [f"listed as equivalent, but killed: {_said(*name)}" for name in listed - survivors]
    if options.only is None:
        complaints += [f"listed, but no such mutant: {_said(*name)}" for name in reasons.keys() - listed]

    print("\n".join(sorted(complaints)), end="\n" if complaints else "")
    return 1 if complaints else 0


def _reasons(file: Path | None) -> dict[tuple[str, str, str, int], str]:
    if file is None:
        return {}

    entries = tomllib.loads(file.read_text()).get("equivalent", [])
    return {(e["where"], e["was"], e["became"], e.get("nth", 1)): e["why"] for e in entries}


def _print_table(found: list[tuple[Mutant, Verdict]], reasons: dict[tuple[str, str, str, int], str]) -> None:
    counts: dict[str, Counter[str]] = {}
    for mutant, verdict in found:
        equivalent = verdict is Verdict.SURVIVED and mutant.name in reasons
        counts.setdefault(mutant.where, Counter())["equivalent" if equivalent else verdict.value] += 1

    columns = ("killed", "killed by time", "equivalent", "survived")
    print(f"{'function':28}" + "".join(f"{column:>16}" for column in columns))
    for where, met in counts.items():
        print(f"{where:28}" + "".join(f"{met[column]:16}" for column in columns))

    total = sum(counts.values(), Counter())
    print(f"{'all':28}" + "".join(f"{total[column]:16}" for column in columns))


def _said(where: str, was: str, became: str, nth: int) -> str:
    return f"{where}: {was}  ->  {became}" + (f"  (number {nth})" if nth > 1 else "")


if __name__ == "__main__":
    sys.exit(main())
