"""
Rare fields of a row as one compact JSON object, so that the common row does not pay for them.

Every field of a noun that has no column is here. One with its default is left out, and a row with
nothing left has no object at all.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, fields
from operator import attrgetter
from typing import Any

from dalsegno.model.lineage import Lineage
from dalsegno.model.payload import Payload, Ref
from dalsegno.model.record import Attempt, Error
from dalsegno.model.run import Tracing


class RareFields:
    """
    The fields of one noun, a dataclass, that have no column.

    Args:
        columns: The fields that have one.
    """

    def __init__(self, noun: type, *, columns: Iterable[str]) -> None:
        rare = [field for field in fields(noun) if field.name not in set(columns)]
        self._names = tuple(field.name for field in rare)
        self._defaults = tuple(field.default for field in rare)
        self._values = attrgetter(*self._names)

    def text(self, noun: Any) -> str | None:
        """
        The object as text; None if it would be empty.

        ASCII only: the text of an error may hold lone surrogates, which no database takes.
        """
        values = self._values(noun)
        if values == self._defaults:
            return None
        facts = zip(self._names, values, self._defaults, strict=True)
        detail = {name: value for name, value, default in facts if value != default}
        return json.dumps(detail, separators=(",", ":"), default=_to_plain)


def arguments(text: str | None) -> dict[str, Any]:
    """
    The fields in such a text, as arguments of their noun.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: It is no such text.
    """
    if text is None:
        return {}
    return {name: _FROM_PLAIN.get(name, _as_it_is)(fact) for name, fact in json.loads(text).items()}


def _to_plain(value: Any) -> Any:
    if isinstance(value, Payload):
        at = value.at
        return {"json": value.json.decode(), "at": [at.run_id, at.sequence] if at else None}
    return asdict(value)


def _as_it_is(fact: Any) -> Any:
    return fact


def _error(fact: Any) -> Error | None:
    if fact is None:
        return None
    cause = fact.pop("cause")
    return Error(**fact, cause=_error(cause))


def _attempts(fact: Any) -> tuple[Attempt, ...]:
    return tuple(Attempt(**(attempt | {"error": _error(attempt["error"])})) for attempt in fact)


def _lineage(fact: Any) -> Lineage:
    return Lineage(**(fact | {"overrides": tuple(fact["overrides"])}))


def _kept_resume_data(fact: Any) -> tuple[tuple[str, Payload], ...]:
    return tuple((address, _payload(**payload)) for address, payload in fact)


def _tracing(fact: Any) -> Tracing:
    pairs = tuple((key, value) for key, value in fact["metadata"])
    lists = {name: tuple(fact[name]) for name in ("tags", "request_context_keys")}
    return Tracing(**(fact | lists | {"metadata": pairs}))


def _payload(json: str, at: list[Any] | None) -> Payload:
    return Payload(json.encode(), Ref(*at) if at is not None else None)


_FROM_PLAIN: dict[str, Callable[[Any], Any]] = {
    "addresses": tuple,
    "attempts": _attempts,
    "error": _error,
    "kept_resume_data": _kept_resume_data,
    "lineage": _lineage,
    "paused_at": tuple,
    "tracing": _tracing,
}
