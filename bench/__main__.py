"""
Measures everything, or the parts named, and prints tables and bars; see README.md.

    python -m bench [--only streams,travel] [--publish]
"""

import argparse
import asyncio
import json
import logging
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from bench import footprint, lineage, lists, memory, report, startup, streams, throughput, travel
from bench.findings import Findings

_RESULTS = Path(__file__).parent / "results"
_PICTURES = Path(__file__).parent.parent / "docs" / "pictures"

# Each measures in a folder of its own, at its usual sizes or at those given.
PARTS: dict[str, Callable[..., Awaitable[Findings]]] = {
    "throughput": throughput.measure,
    "travel": travel.measure,
    "footprint": footprint.measure,
    "streams": streams.measure,
    "lists": lists.measure,
    "startup": startup.measure,
    "memory": memory.measure,
    "lineage": lineage.measure,
}


async def measure(names: Sequence[str], *, publishes: bool) -> None:
    """
    Args:
        publishes: Whether the pictures go where the docs show them.
    """
    machine = report.machine()
    found: dict[str, Findings] = {}
    for part in names:
        begun = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="dalsegno-bench-") as folder:
            found[part] = await PARTS[part](Path(folder))
        report.show(part, found[part], time.perf_counter() - begun)
    report.show_end(machine, [bar for it in found.values() for bar in it.bars])
    _RESULTS.mkdir(exist_ok=True)
    path = _RESULTS / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    path.write_text(json.dumps(report.as_json(machine, found), indent=1) + "\n")
    print(path)
    if publishes:
        _publish(found)


def _publish(found: Mapping[str, Findings]) -> None:
    _PICTURES.mkdir(exist_ok=True)
    for findings in found.values():
        for name, svg in findings.pictures.items():
            (_PICTURES / name).write_text(svg)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description="Measure Dal Segno.")
    parser.add_argument("--only", metavar="PARTS", help=f"of {','.join(PARTS)}")
    parser.add_argument("--publish", action="store_true", help="write docs/pictures")
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else list(PARTS)
    if unknown := set(names) - set(PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}")
    logging.disable(logging.WARNING)  # opening a store may warn, and is done many times here
    asyncio.run(measure(names, publishes=arguments.publish))


if __name__ == "__main__":
    main()
