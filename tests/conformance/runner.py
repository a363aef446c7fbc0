"""
Runs scenario files and tells how each ended.
"""

import asyncio
import tempfile
import traceback
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.conformance import requests, serving
from tests.conformance.play import Failed, play
from tests.conformance.scenario import Malformed, load

Verdict = Literal["ok", "FAIL", "skip"]

_LOG_SHOWN_MAX = 4000  # characters of a server's log


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    How a scenario ended.

    Attributes:
        detail: What differed, or what the API does not have; empty if the scenario held.
        log: The end of what its servers logged, and where the runner itself failed.
    """

    id: str
    verdict: Verdict
    detail: str = ""
    log: str = ""

    def __str__(self) -> str:
        detail = f": {' '.join(self.detail.split())}" if self.detail else ""
        return f"{self.verdict} {self.id}{detail}"


async def run_all(files: Sequence[Path], jobs: int) -> AsyncIterator[Outcome]:
    """
    Outcomes in the order of the files, each as soon as those before it are there.

    Args:
        jobs: How many scenarios are played at once.
    """
    places = asyncio.Semaphore(jobs)

    async def run_in_place(file: Path) -> Outcome:
        async with places:
            return await run_one(file)

    tasks = [asyncio.create_task(run_in_place(file)) for file in files]
    try:
        for task in tasks:
            yield await task
    finally:
        for task in tasks:
            task.cancel()


async def run_one(file: Path) -> Outcome:
    """
    Play one scenario with everything of its own: store, server process, folder.
    """
    try:
        scenario = load(file)
        lacking = requests.missing(scenario)
    except Malformed as error:
        return Outcome(file.stem, "FAIL", f"malformed: {error}")
    if lacking:
        return Outcome(scenario.id, "skip", f"needs {', '.join(lacking)}")
    with tempfile.TemporaryDirectory(prefix="conformance-", ignore_cleanup_errors=True) as folder:
        try:
            await play(scenario, Path(folder))
        except Failed as error:
            return Outcome(scenario.id, "FAIL", str(error), _log(Path(folder)))
        except Exception as error:  # noqa: BLE001 - a fault of the runner fails one scenario, not all
            text = f"{_log(Path(folder))}\n{traceback.format_exc()}"
            return Outcome(scenario.id, "FAIL", f"the runner failed: {error!r}", text)
    return Outcome(scenario.id, "ok")


def _log(folder: Path) -> str:
    file = folder / serving.LOG
    return file.read_text(errors="replace")[-_LOG_SHOWN_MAX:] if file.exists() else ""
