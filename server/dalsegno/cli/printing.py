"""
What commands print: JSON for machines, and short forms of values for people.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from dalsegno.client import UNSET, RunEvent


def as_json(value: Any) -> Any:
    """
    The same as JSON can hold it. Fields keep their names; what is absent is left out.
    """
    if isinstance(value, RunEvent):
        return {"type": value.type, **_fields(value)}
    if is_dataclass(value):
        return _fields(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Mapping):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    return value


def print_json(value: Any) -> None:
    """
    Print one document on one line, at once.
    """
    sys.stdout.write(json.dumps(as_json(value), ensure_ascii=False) + "\n")
    sys.stdout.flush()


def pretty(value: Any) -> str:
    """
    A payload on as many lines as it takes.
    """
    return json.dumps(value, ensure_ascii=False, indent=2)


def short(value: Any, width: int = 60) -> str:
    """
    A payload on one line, cut to a width; empty if there is none.
    """
    if value is UNSET:
        return ""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= width else text[: width - 1] + "…"


def local_time(time: datetime | None) -> str:
    """
    A time for people, in their zone, to the second.
    """
    return "" if time is None else f"{time.astimezone():%Y-%m-%d %H:%M:%S}"


def duration(length: timedelta) -> str:
    """
    ``12 ms``, ``1.24 s``, ``3 min 20 s``, ``2 h 5 min``.
    """
    seconds = length.total_seconds()
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _fields(value: Any) -> dict[str, Any]:
    # A payload (typed Any) that is None is the value null; any other field that is None is absent.
    return {
        field.name: as_json(item)
        for field in fields(value)
        if (item := getattr(value, field.name)) is not UNSET
        and (item is not None or field.type is Any)
    }
