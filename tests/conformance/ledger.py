"""
What bodies leave behind in a scenario's folder, and the gates they wait at.

Everything is a file, so that it survives the server that wrote it: an append is one system call,
and what the kernel has taken is there for the next process.
"""

import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dalsegno.workflow import Context

Entry = dict[str, Any]

_INDEX = re.compile(r"\[\d+\]")


class Ledger:
    """
    The bodies entered in a scenario, over all runs and servers, in order.

    An entry has `workflow`, `run`, `step` (the address in full), `input`, `attempt` and, if the
    body was resumed, `resume_data`.
    """

    def __init__(self, folder: Path) -> None:
        self._entries = folder / "entered.jsonl"
        self._failures = folder / "failures.jsonl"
        self._gates = folder / "gates"
        self._gates.mkdir(parents=True, exist_ok=True)

    def enter(self, ctx: Context, value: Any) -> None:
        """
        Note that a body has been entered; the first thing it does.
        """
        entry: Entry = {
            "workflow": ctx.workflow_id,
            "run": ctx.run_id,
            "step": ctx.address,
            "input": value,
            "attempt": ctx.attempt,
        }
        if ctx.is_resumed:
            entry["resume_data"] = ctx.resume_data
        _append(self._entries, entry)

    def entries(self) -> list[Entry]:
        """
        All entries, oldest first.
        """
        return _read(self._entries)

    def times_entered(self, ctx: Context) -> int:
        """
        How often the body of this step has been entered, whatever the run, iteration or item.
        """
        return sum(_step_of(entry) == _step(ctx) for entry in self.entries())

    def fail(self, ctx: Context) -> None:
        """
        Note that this step raised on purpose.
        """
        _append(self._failures, {"workflow": ctx.workflow_id, "step": ctx.address})

    def times_failed(self, ctx: Context) -> int:
        """
        How often this step raised on purpose.
        """
        return sum(_step_of(entry) == _step(ctx) for entry in _read(self._failures))

    def open_gate(self, name: str) -> None:
        """
        Let through whoever waits at this gate, or comes later.
        """
        (self._gates / quote(name, safe="")).touch()

    def is_open(self, name: str) -> bool:
        return (self._gates / quote(name, safe="")).exists()


def _step(ctx: Context) -> tuple[str, str]:
    return ctx.workflow_id, _INDEX.sub("", ctx.address)


def _step_of(entry: Entry) -> tuple[str, str]:
    return entry["workflow"], _INDEX.sub("", entry["step"])


def _append(file: Path, entry: Entry) -> None:
    line = json.dumps(entry).encode() + b"\n"
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


def _read(file: Path) -> list[Entry]:
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        return []
    # A line without its end is still being written.
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith(b"\n")]
