"""
Measures everything, and prints tables and one line of JSON; see README.md.
"""

import asyncio
import json
import logging
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from bench import footprint, report, throughput, travel

_RESULTS = Path(__file__).parent / "results"


async def measure() -> None:
    with tempfile.TemporaryDirectory(prefix="dalsegno-bench-") as name:
        folder = Path(name)
        machine = report.machine(folder)
        rates = await throughput.measure(folder)
        travels = await travel.measure(folder)
        weight = await footprint.measure(folder)
    report.show(machine, rates, travels, weight)
    line = json.dumps(
        {
            "machine": machine,
            "throughput": [asdict(item) for item in rates],
            "travel": [asdict(item) for item in travels],
            "footprint": asdict(weight),
        }
    )
    _RESULTS.mkdir(exist_ok=True)
    path = _RESULTS / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    path.write_text(line + "\n")
    print(line)


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # opening a store may warn, and is done many times here
    asyncio.run(measure())
