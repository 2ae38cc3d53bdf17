"""The command line of the benchmarks: runs each group in a process of its own and shows what it measured."""

import json
import os
import platform
import subprocess
import sys
from argparse import ArgumentParser, Namespace

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.figure import Figure
from benchmarks.groups import GROUPS, load


def main() -> int:
    """Exit 0 when every goal is met, 1 when one is missed, 2 when a group could not be measured."""
    options = parse()

    if options.list:
        for name, text in GROUPS.items():
            print(f"{name:12} {text}")

        return 0

    if options.measure:
        for figure in load(options.measure).measure():
            print(json.dumps(figure.as_json()), flush=True)

        return 0

    figures, failed = run(options.groups or list(GROUPS))
    print(json.dumps([figure.as_json() for figure in figures], indent=1)) if options.json else show(figures)

    if failed:
        print(f"bench: not measured: {', '.join(failed)}", file=sys.stderr)
        return 2

    return 0 if all(figure.met for figure in figures) else 1


def parse() -> Namespace:
    """Read the command line; a group that is none is an error that names those there are."""
    parser = ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help="groups to measure; all of them by default")
    parser.add_argument("--json", action="store_true", help="print one JSON array of figures")
    parser.add_argument("--list", action="store_true", help="name the groups and stop")
    parser.add_argument(
        "--measure", metavar="GROUP", choices=list(GROUPS), help="measure one group here, one JSON a line"
    )
    options = parser.parse_args()

    for group in options.groups:
        if group not in GROUPS:
            parser.error(f"no group {group!r}; there are: {', '.join(GROUPS)}")

    return options


def run(groups: list[str]) -> tuple[list[Figure], list[str]]:
    """Measure the groups one after the other; what they found, and the groups that failed."""
    figures: list[Figure] = []
    failed: list[str] = []
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())

    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)

        for number, group in enumerate(groups, 1):
            progress.update(task, description=f"{number}/{len(groups)} {group}: {GROUPS[group]}")
            command = [sys.executable, "-m", "benchmarks", "--measure", group]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            figures += [Figure.from_json(json.loads(line)) for line in done.stdout.splitlines()]

            if done.returncode:
                failed.append(group)

    return figures, failed


def show(figures: list[Figure]) -> None:
    """Print the figures as a table."""
    table = Table(title=f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores")

    for heading in ("figure", "value", "goal", "", "against"):
        table.add_column(heading, justify="right" if heading in {"value", "goal"} else "left", overflow="fold")

    for figure in figures:
        bound = "" if figure.goal is None else f"{'<=' if figure.at_most else '>='} {figure.goal:,g} {figure.unit}"
        mark = "" if figure.goal is None else "met" if figure.met else "MISSED"
        table.add_row(figure.name, f"{figure.value:,.4g} {figure.unit}", bound, mark, figure.note)

    Console(width=None if sys.stdout.isatty() else 160).print(table)


if __name__ == "__main__":
    sys.exit(main())
