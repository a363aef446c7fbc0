"""
Tables for people, and the same for machines.
"""

import os
import platform
import sqlite3
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich import table as rich_table
from rich.console import Console

from bench.findings import Bar, Findings, Table

Machine = dict[str, str | int | None]


def machine() -> Machine:
    """
    Where the figures come from; they mean nothing elsewhere.
    """
    return {
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.platform(),
        "databases_in": tempfile.gettempdir(),
    }


def show(part: str, findings: Findings, took_s: float) -> None:
    """
    Args:
        took_s: To find this out.
    """
    console = _console()
    for table in findings.tables:
        console.print(_printable(table))
    console.print(f"{part}: {took_s:.0f} s\n", highlight=False)


def show_end(machine: Machine, bars: Sequence[Bar]) -> None:
    """
    How everything stands to its bar, and where that was.
    """
    rows = [
        (
            bar.what,
            f"{bar.found:.2f}",
            f"{'≥' if bar.is_floor else '≤'} {bar.bar:g}",
            "met" if bar.is_met else "missed",
        )
        for bar in bars
    ]
    console = _console()
    if rows:
        console.print(_printable(Table("Bars", ("what", "found", "bar", "met"), rows)))
    console.print(", ".join(f"{name}: {value}" for name, value in machine.items()), highlight=False)


def as_json(machine: Machine, found: Mapping[str, Findings]) -> dict[str, Any]:
    bars = [asdict(bar) | {"is_met": bar.is_met} for part in found.values() for bar in part.bars]
    return {"machine": machine, "bars": bars} | {name: it.figures for name, it in found.items()}


def _console() -> Console:
    return Console(width=120)  # fixed: the output may go to a file


def _printable(table: Table) -> rich_table.Table:
    first, *others = table.columns
    printable = rich_table.Table(title=table.title, title_justify="left", title_style="bold")
    printable.add_column(first)
    for name in others:
        printable.add_column(name, justify="right")
    for row in table.rows:
        printable.add_row(*row)
    return printable
