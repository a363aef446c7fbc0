"""
Tables for people.
"""

import os
import platform
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.footprint import Footprint
from bench.throughput import STEPS, Throughput
from bench.travel import Travel


def machine(folder: Path) -> dict[str, str | int | None]:
    """
    Where the figures come from; they mean nothing elsewhere.
    """
    return {
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.platform(),
        "databases_in": str(folder.parent),
    }


def show(
    machine: dict[str, str | int | None],
    rates: Sequence[Throughput],
    travels: Sequence[Travel],
    weight: Footprint,
) -> None:
    # A fixed width: the output may go to a file.
    console = Console(width=120)
    console.print(
        "\n" + ", ".join(f"{name}: {value}" for name, value in machine.items()), highlight=False
    )
    console.print(_throughput(rates))
    console.print(_travel(travels))
    console.print(
        f"A run of {weight.steps} steps with outputs of 1 KiB takes {weight.bytes:,.0f} bytes on "
        f"disk, {weight.bytes / weight.payload_bytes:.2f} times its outputs."
    )


def _throughput(rates: Sequence[Throughput]) -> Table:
    table = _table(f"Runs of {STEPS} steps through gRPC, and what bounds them")
    for name in (
        "callers",
        "runs/s",
        "median ms",
        "ms/step",
        "echo/s",
        "store runs/s",
        "sqlite3 runs/s",
        "of echo",
        "of store",
        "of sqlite3",
    ):
        table.add_column(name, justify="right")
    for item in rates:
        runs = item.run.per_s
        table.add_row(
            str(item.callers),
            f"{runs:,.0f}",
            f"{item.run.latency_ms:.2f}",
            f"{1000 / runs / STEPS:.3f}",
            f"{item.echo.per_s:,.0f}",
            f"{item.store.per_s:,.0f}",
            f"{item.sqlite.per_s:,.0f}",
            f"{runs / item.echo.per_s:.1%}",
            f"{runs / item.store.per_s:.1%}",
            f"{runs / item.sqlite.per_s:.1%}",
        )
    return table


def _travel(travels: Sequence[Travel]) -> Table:
    table = _table("Time travel to the last step, by the length of the source")
    table.add_column("source")
    for name in ("steps", "median ms", "ratio", "bytes", "ratio", "rows", "source"):
        table.add_column(name, justify="right")
    shortest: dict[str, Travel] = {}
    for item in sorted(travels, key=lambda item: (item.workflow_id.split("_")[0], item.steps)):
        kind = item.workflow_id.split("_")[0]
        first = shortest.setdefault(kind, item)
        table.add_row(
            kind,
            f"{item.steps:,}",
            f"{item.latency_ms:.2f}",
            f"{item.latency_ms / first.latency_ms:.2f}",
            f"{item.bytes:,.0f}",
            f"{item.bytes / first.bytes:.2f}",
            f"{item.rows:g}",
            "unchanged" if item.is_source_unchanged else "CHANGED",
        )
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", title_style="bold")
