"""
Measures Dal Segno beside peers, and prints tables; see README.md here.

    python -m bench.peers [--publish]
"""

import argparse
import asyncio
import json
import os
import platform
import tempfile
import time
from pathlib import Path

from bench.peers import report
from bench.peers.process import ROOT, ours, peers
from bench.peers.rounds import measure

_RESULTS = ROOT / "bench" / "results"
_PICTURES = ROOT / "docs" / "pictures"


async def main(*, publishes: bool) -> None:
    """
    Args:
        publishes: Whether the pictures go where the docs show them.
    """
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="dalsegno-bench-") as name:
        found = await measure([*peers(), *ours()], Path(name))
    machine = {
        "cpus": os.cpu_count(),
        "system": platform.platform(),
        "databases_in": tempfile.gettempdir(),
        "took_s": round(time.perf_counter() - begun),
    }
    report.show(found)
    print(", ".join(f"{name}: {value}" for name, value in machine.items()))
    _RESULTS.mkdir(exist_ok=True)
    path = _RESULTS / f"peers-{time.strftime('%Y%m%d-%H%M%S')}.json"
    path.write_text(json.dumps({"machine": machine, **report.as_json(found)}, indent=1) + "\n")
    print(path)
    pictures = _PICTURES if publishes else _RESULTS
    pictures.mkdir(parents=True, exist_ok=True)
    for file, svg in report.pictures(found).items():
        (pictures / file).write_text(svg)
        print(pictures / file)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench.peers", description="Measure beside peers.")
    parser.add_argument("--publish", action="store_true", help="write the pictures to docs")
    arguments = parser.parse_args()
    try:
        asyncio.run(main(publishes=arguments.publish))
    except FileNotFoundError as error:  # the peers' programs
        parser.exit(1, f"{error}\n")
