"""
The long form: `make test-crash KILLS=500`.
"""

import argparse
import asyncio
import json
import secrets
import sys
import tempfile
from pathlib import Path

from tests.crash.findings import Broken
from tests.crash.suite import Plan, Report, run

_FIGURES = {
    "kills": "kills of the server",
    "by_failpoint": "of them at failpoints",
    "runs": "runs, replays included",
    "success": "that succeeded",
    "failed": "that failed",
    "canceled": "that were canceled",
    "events": "events stored",
    "effects": "calls of bodies",
    "start": "starts acknowledged",
    "travel": "travels acknowledged",
    "resume": "resumptions acknowledged",
    "pause": "pauses acknowledged",
    "cancel": "cancellations acknowledged",
    "event": "events told to watchers",
    "watch": "streams opened by watchers",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash")
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--runs", type=int, default=200, help="at a time")
    parser.add_argument("--watchers", type=int, default=50)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    parser.add_argument("--keep", type=Path, help="folder for the database and the ledger")
    given = parser.parse_args()
    plan = Plan(given.seed, given.kills, given.runs, given.watchers)
    print(f"seed {plan.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(run(plan, given.keep or Path(folder)))
    print(_table(report))
    print(json.dumps(_document(report)))
    if report.findings.counts:
        print(f"seed {plan.seed}:\n{report.findings.story}", file=sys.stderr)
    return 1 if report.findings.counts else 0


def _table(report: Report) -> str:
    rows = [(name, report.figures[key]) for key, name in _FIGURES.items()]
    rows += [("seconds", round(report.seconds)), ("seconds to settle", round(report.settled_s))]
    rows += [(kind.value, report.findings.counts[kind]) for kind in Broken]
    return "\n".join(f"| {name} | {number:,} |" for name, number in rows)


def _document(report: Report) -> dict[str, object]:
    return {
        "seed": report.plan.seed,
        "figures": report.figures,
        "violations": {kind.name.lower(): report.findings.counts[kind] for kind in Broken},
        "seconds": round(report.seconds, 1),
        "settled_s": round(report.settled_s, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
