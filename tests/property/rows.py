"""
What a database holds of each run, read from the file and not through the store.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dalsegno.model.run import RunStatus

_HISTORY = {
    "runs": "SELECT run_id, * FROM runs",
    "events": "SELECT run_id, events.* FROM events JOIN runs ON key = run ORDER BY id",
    "records": "SELECT run_id, records.* FROM records JOIN runs ON key = run ORDER BY address",
}
_REQUESTS = "SELECT run_id, requests.* FROM requests JOIN runs ON key = run ORDER BY request_id"


@dataclass(frozen=True)
class RunRows:
    """
    Every row of one run, as it is stored.

    Attributes:
        history: The run itself, its events and its records.
        requests: What is kept of the commands it was sent.
    """

    status: RunStatus
    history: tuple[tuple[object, ...], ...]
    requests: tuple[tuple[object, ...], ...]


class Rows:
    """
    Reads a database that a store has open.
    """

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)

    def close(self) -> None:
        self._connection.close()

    def read(self) -> Mapping[str, RunRows]:
        """
        All rows by the id of their run.
        """
        history: dict[str, list[tuple[object, ...]]] = {}
        for table, query in _HISTORY.items():
            for run_id, *row in self._connection.execute(query):
                history.setdefault(run_id, []).append((table, *row))
        requests: dict[str, list[tuple[object, ...]]] = {}
        for run_id, *row in self._connection.execute(_REQUESTS):
            requests.setdefault(run_id, []).append(tuple(row))
        status = dict(self._connection.execute("SELECT run_id, status FROM runs"))
        return {
            run_id: RunRows(RunStatus(status[run_id]), tuple(rows), tuple(requests.get(run_id, ())))
            for run_id, rows in history.items()
        }
