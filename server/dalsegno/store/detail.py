"""
Rare fields of a row as one compact JSON object, so that the common row does not pay for them.

Every field of a noun that has no column is here. One with its default is left out, and a row with
nothing left has no object at all. Fields are written and read by their annotations: whatever is
made of nouns, tuples, text, numbers and flags needs no code of its own.

They are read by msgspec, which takes a twelfth of the time: 3 µs for a lineage.
"""

import json
from collections.abc import Hashable, Iterable
from functools import cache, lru_cache
from operator import attrgetter
from types import UnionType
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from msgspec import MsgspecError, defstruct
from msgspec.json import Decoder
from msgspec.structs import asdict, fields

from dalsegno.model.noun import Noun

_TEXTS_MAX = 1024  # kept of each noun: about 1 KiB each, and enough for the runs that are live


class RareFields:
    """
    The fields of one noun that have no column.

    Args:
        columns: The fields that have one.
    """

    def __init__(self, noun: type[Noun], *, columns: Iterable[str]) -> None:
        rare = [field for field in fields(noun) if field.name not in set(columns)]
        self._names = tuple(field.name for field in rare)
        self._defaults = tuple(field.default for field in rare)
        self._values = attrgetter(*self._names)
        # What is rare of a run is the same from one append to the next.
        self._text = lru_cache(_TEXTS_MAX)(self._new_text)
        hints = get_type_hints(noun)
        self._hints = {name: hints[name] for name in self._names}
        self._by_hand = {name: hint for name, hint in self._hints.items() if _holds_bytes(hint)}
        facts = [
            (name, Any if name in self._by_hand else self._hints[name], default)
            for name, default in zip(self._names, self._defaults, strict=True)
        ]
        read = defstruct(f"Rare{noun.__name__}", facts, forbid_unknown_fields=True)
        self._decoder: Decoder[Any] = Decoder(read)

    def text(self, noun: Any) -> str | None:
        """
        The object as text; None if it would be empty.

        ASCII only: the text of an error may hold lone surrogates, which no database takes.
        """
        values = self._values(noun)
        return self._text(values) if values != self._defaults else None

    def _new_text(self, values: tuple[Any, ...]) -> str:
        facts = zip(self._names, values, self._defaults, strict=True)
        detail = {name: value for name, value, default in facts if value != default}
        return json.dumps(detail, separators=(",", ":"), default=_to_plain)

    def arguments(self, text: str | None) -> dict[str, Any]:
        """
        The fields in such a text, as arguments of the noun.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: It is no such text.
        """
        if text is None:
            return {}
        try:
            found = asdict(self._decoder.decode(text))
        except MsgspecError:
            # It may be one all the same: errors may hold lone surrogates, which msgspec refuses.
            return self._read_by_hand(text)
        for name, hint in self._by_hand.items():
            if found[name]:
                found[name] = _from_plain(hint, found[name])
        return found

    def _read_by_hand(self, text: str) -> dict[str, Any]:
        return {
            name: _from_plain(self._hints[name], fact) for name, fact in json.loads(text).items()
        }


def _holds_bytes(hint: Any) -> bool:
    """
    Whether there are bytes in a type: they stand as text, which msgspec takes for base64.
    """
    if isinstance(hint, type) and issubclass(hint, Noun):
        return any(_holds_bytes(inner) for inner in _hints(hint).values() if inner != hint | None)
    return hint is bytes or any(_holds_bytes(inner) for inner in get_args(hint))


def _to_plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    members = (
        (name, getattr(value, name), default)
        for name, default in _members(cast("Hashable", type(value)))
    )
    return {name: member for name, member, default in members if member != default}


def _from_plain(hint: Any, fact: Any) -> Any:
    if get_origin(hint) in (Union, UnionType):
        (hint,) = set(get_args(hint)) - {type(None)}
        return _from_plain(hint, fact) if fact is not None else None
    if get_origin(hint) is tuple:
        hints = get_args(hint)
        each = (hints[0],) * len(fact) if hints[-1] is ... else hints
        return tuple(_from_plain(*pair) for pair in zip(each, fact, strict=True))
    if isinstance(hint, type) and issubclass(hint, Noun):
        hints_of = _hints(hint)
        return hint(**{name: _from_plain(hints_of[name], part) for name, part in fact.items()})
    if hint is bytes:
        return fact.encode()
    if not isinstance(fact, hint):
        raise TypeError(f"{fact!r} is no {hint.__name__}")
    return fact


@cache
def _members(noun: Hashable) -> tuple[tuple[str, Any], ...]:
    """
    Names and defaults of a noun's fields; msgspec finds them out anew at each call.
    """
    return tuple((field.name, field.default) for field in fields(cast("type[Noun]", noun)))


@cache
def _hints(noun: type) -> dict[str, Any]:
    return get_type_hints(noun)
