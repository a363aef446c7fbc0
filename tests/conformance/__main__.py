"""
Plays conformance scenarios against real servers.

One line per scenario, then `N passed, N failed, N skipped`. The exit code is 0 if none failed, 1 if
one did, 2 if nothing could be run.
"""

import argparse
import asyncio
import json
import sys
import textwrap
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tests.conformance.runner import Outcome, run_all
from tests.conformance.scenario import Malformed, find

SCENARIOS = Path(__file__).parent / "scenarios"


def main() -> int:
    arguments = _parser().parse_args()
    try:
        files = find(arguments.places or [SCENARIOS])
    except Malformed as error:
        print(error, file=sys.stderr)
        return 2
    files = [file for file in files if file.stem.startswith(arguments.only)]
    if not files:
        print(f"no scenario begins with {arguments.only}", file=sys.stderr)
        return 2
    return asyncio.run(_run(files, arguments))


async def _run(files: list[Path], arguments: argparse.Namespace) -> int:
    count: Counter[str] = Counter()
    disputed = json.loads(arguments.disputed.read_text()) if arguments.disputed else {}
    async for played in run_all(files, arguments.jobs):
        outcome = disputing(played, disputed)
        count[outcome.verdict] += 1
        print(outcome, flush=True)
        if arguments.verbose and outcome.log:
            print(textwrap.indent(outcome.log, "    "), flush=True)
    print(f"{count['ok']} passed, {count['FAIL']} failed, {count['skip']} skipped")
    return 1 if count["FAIL"] else 0


def disputing(outcome: Outcome, disputed: Mapping[str, str]) -> Outcome:
    """
    A disputed scenario is played, but must not hold: one that does is taken off the list.
    """
    reason = disputed.get(outcome.id)
    if reason is None or outcome.verdict == "skip":
        return outcome
    if outcome.verdict == "ok":
        return replace(outcome, verdict="FAIL", detail="is listed as disputed, but holds")
    return replace(outcome, verdict="skip", detail=f"disputed: {reason}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument(
        "places", nargs="*", type=Path, metavar="DIR", help="folders or files (default: ours)"
    )
    parser.add_argument("--only", default="", metavar="PREFIX", help="scenarios by their file name")
    parser.add_argument(
        "--store",
        default="sqlite:",
        choices=["sqlite:"],
        metavar="URL",
        help="the store under the servers; so far sqlite: alone, a fresh file for each scenario",
    )
    parser.add_argument("--jobs", type=int, default=3, help="how many at once (default: 3)")
    parser.add_argument(
        "--disputed",
        type=Path,
        metavar="FILE",
        help="a JSON object of scenarios that contradict the semantics, and why: not counted",
    )
    parser.add_argument("--verbose", action="store_true", help="logs of what failed")
    return parser


if __name__ == "__main__":
    sys.exit(main())
