"""
Payloads: exact JSON text on the wire, plain Python values on this side.
"""

import json
from enum import Enum
from typing import Any, Final, Literal

from dalsegno.v1.payload_pb2 import Payload


class Unset(Enum):
    """
    The type of `UNSET`.
    """

    UNSET = "UNSET"

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
"""
No payload at all, in requests and in answers. None is another thing: it is the value ``null``.
"""


class PayloadError(ValueError):
    """
    A value that JSON text does not hold exactly. If it was to be sent, nothing was.
    """


_Path = tuple[str | int, ...]


def encode(field: str, value: Any) -> Payload | None:
    """
    JSON text of a value, key order and integers kept; None if it is `UNSET`.

    Tuples are arrays. Integers and their text obey Python's own limit of 4300 digits
    (`sys.set_int_max_str_digits`).

    Raises:
        PayloadError: It holds something else than None, bool, int, finite float, str, list,
            tuple and dict with str keys. The message begins with *field*.
    """
    if value is UNSET:
        return None
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        _refuse_odd_keys(value)
        return Payload(json=text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise PayloadError(f"{field}: {error}") from error


def decode(payload: Payload) -> Any:
    """
    The value of a payload that is set; `UNSET` if its value was left out of a too large answer.

    Raises:
        PayloadError: It came in readable form, whose numbers are doubles: something on the way
            took the metadata away that asks for exact text.
    """
    match payload.WhichOneof("form"):
        case "json":
            return json.loads(payload.json)
        case None:
            return UNSET
        case _:
            raise PayloadError("an answer came without exact JSON text")


def _refuse_odd_keys(value: Any) -> None:
    # json.dumps turns keys such as 1, 1.0 and None into text silently, which loses what they were.
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"keys must be str, not {key!r}")
            _refuse_odd_keys(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_odd_keys(item)
