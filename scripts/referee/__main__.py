"""`python -m referee`: judge a keeper's run. Exit 0 only where the referee agrees with the keeper's report."""

import argparse
import os
import select
import sys
import time
from contextlib import closing
from pathlib import Path

import msgspec

from referee import manifest, report
from referee.errors import RefereeError
from referee.judge import Judge, open_judge
from referee.rpc import Rpc
from referee.show import show
from referee.verdict import AGREE, decide

AGREES, DISAGREES, CANNOT_JUDGE = 0, 1, 2
POLL_S = 0.1
DEFAULT_WINDOW = 4


def main() -> int:
    """Run the referee; return the exit code: 0 agree, 1 disagree, 2 when the run cannot be judged."""
    arguments = _parser().parse_args()

    try:
        with closing(Rpc(arguments.rpc_url)) as rpc:
            return _run(rpc, arguments)
    except RefereeError as error:
        print(f"referee: {error}", file=sys.stderr)
        return CANNOT_JUDGE


def _run(rpc: Rpc, arguments: argparse.Namespace) -> int:
    rules = manifest.load(arguments.manifest)
    _check_chain(rpc, rules.chain_id)
    first = arguments.from_block if arguments.from_block is not None else rules.run_block
    judge = open_judge(rpc, rules, _head(rpc) if first is None else first)
    last = _follow(judge, arguments) if arguments.follow else arguments.until_block or _head(rpc)
    ended = time.monotonic()
    judge.finish(last)
    document = decide(judge, report.load(arguments.report), arguments.window, time.monotonic() - ended)
    show(document)

    if arguments.json:
        sys.stdout.buffer.write(msgspec.json.encode(document) + b"\n")

    return AGREES if document["verdict"] == AGREE else DISAGREES


def _follow(judge: Judge, arguments: argparse.Namespace) -> int:
    """Judge blocks as they come; return the last one to judge."""
    while True:
        over = _over(arguments)
        head = _head(judge.rpc)

        if arguments.until_block is not None and head >= arguments.until_block:
            return int(arguments.until_block)

        if over:
            return head

        # One block at a time: the end is noticed between two blocks, however far behind we are.
        if judge.following < head:
            judge.advance(judge.following + 1)
        else:
            time.sleep(POLL_S)


def _over(arguments: argparse.Namespace) -> bool:
    if arguments.stop_file is not None:
        return bool(arguments.stop_file.exists())

    if arguments.until_block is not None:
        return False

    readable, _, _ = select.select([sys.stdin], [], [], 0)
    return bool(readable) and not os.read(sys.stdin.fileno(), 4096)


def _head(rpc: Rpc) -> int:
    return int(rpc.call("eth_blockNumber"), 16)


def _check_chain(rpc: Rpc, expected: int | None) -> None:
    found = int(rpc.call("eth_chainId"), 16)

    if expected is not None and found != expected:
        message = f"the manifest is for chain {expected}, the node is on chain {found}"
        raise RefereeError(message)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="referee", description="Judge a keeper's run from the chain alone.")
    parser.add_argument("--rpc-url", required=True, help="the chain the keeper works on")
    parser.add_argument("--manifest", required=True, type=Path, help="addresses, floor and first block, JSON")
    parser.add_argument("--report", required=True, type=Path, help="the keeper's report, read after the last block")
    parser.add_argument(
        "--from-block", type=int, help="first block to judge (default: the manifest's run_block, or the head)"
    )
    parser.add_argument("--until-block", type=int, help="last block to judge (default: the head)")
    parser.add_argument("--follow", action="store_true", help="judge blocks as they come, until one of the ends below")
    parser.add_argument(
        "--stop-file", type=Path, help="with --follow: end when this file appears (default: at end of input)"
    )
    parser.add_argument(
        "--window", type=int, default=DEFAULT_WINDOW, help="blocks a profit may stand untaken (default 4)"
    )
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON on standard output")
    return parser


if __name__ == "__main__":
    sys.exit(main())
