"""
Payloads: JSON text on our side; readable or exact on the wire.
"""

import json
from enum import Enum
from typing import Any

from google.protobuf.message import DecodeError, Message
from google.protobuf.struct_pb2 import NULL_VALUE, Value

from dalsegno.model import jsontext
from dalsegno.model.errors import (
    InvalidContext,
    InvalidInput,
    InvalidResumeData,
    InvalidState,
)
from dalsegno.model.payload import Payload
from dalsegno.v1 import payload_pb2 as pb

Refusal = type[InvalidInput | InvalidState | InvalidResumeData | InvalidContext]

# A reader of protobuf gives up 100 messages deep. A level of objects takes three, and the way to
# a payload in Run.steps takes five: 32 levels would be written and never read again.
_VALUE_NESTING_MAX = 31

# Reading 1 MiB of text into a Value takes a quarter of a second of the event loop, and `[1,1,1…`
# takes five times its text as a Value. What is larger than this is answered as text.
_VALUE_TEXT_MAX = 1024 * 1024
_VALUE_BYTES_MAX = 2 * 1024 * 1024
_VALUE_BYTES_PER_TEXT = 6

_EXACT_INT_MAX = 2**53
_EXACT_DIGITS_MAX = len(str(_EXACT_INT_MAX))


class Form(Enum):
    """
    How payloads are answered: `VALUE` is readable, `JSON` is exact.
    """

    VALUE = "value"
    JSON = "json"


class UnsetValue:
    """
    Stands for a `Value` of no kind, which is no JSON; its name ends up in the refusal.
    """


def payload_from_proto(payload: pb.Payload, field: str, refusal: Refusal) -> bytes:
    """
    The payload's JSON text: as it came in, or written from the readable form.

    Numbers of the readable form are doubles; whole ones become integers, all their digits
    included. Keys of its objects are sorted: a message's map has no order, and a repeated request
    must give the same text again.

    Raises:
        InvalidInput, InvalidState, InvalidResumeData, InvalidContext: *refusal*, if the readable
            form holds NaN, an infinity or a value of no kind, or nests too deep. Text is checked
            by the engine.
    """
    if payload.WhichOneof("form") == "json":
        return payload.json
    try:
        return jsontext.dumps(_read(_decoded(payload.value)))
    except jsontext.JsonError as error:
        raise refusal(field, str(error)) from None


def payload_to_proto(payload: Payload | None, form: Form) -> pb.Payload | None:
    """
    The payload in the form asked for; None stays None, which leaves a message's field unset.

    What the readable form cannot hold, because of its size or because no client could read it
    again, is answered as text all the same.
    """
    if payload is None:
        return None
    if form is Form.VALUE and len(payload.json) <= _VALUE_TEXT_MAX:
        readable = _readable(payload.json)
        if readable is not None:
            return readable
    return pb.Payload(json=payload.json)


def _readable(text: bytes) -> pb.Payload | None:
    # Counting is cheap, and settles it for nearly all payloads.
    opened = text.count(b"[") + text.count(b"{")
    if opened > _VALUE_NESTING_MAX and jsontext.nesting(text) > _VALUE_NESTING_MAX:
        return None
    message = pb.Payload()
    data, _ = _READER.raw_decode(str(text, "utf-8").lstrip())
    _write(message.value, data)
    is_small = len(text) * _VALUE_BYTES_PER_TEXT <= _VALUE_BYTES_MAX
    return message if is_small or message.ByteSize() <= _VALUE_BYTES_MAX else None


def _number(digits: str) -> float | str:
    """
    An integer as a double, or as its digits if no double is exactly that.
    """
    if len(digits) <= _EXACT_DIGITS_MAX + 1:  # and a sign
        number = int(digits)
        if abs(number) <= _EXACT_INT_MAX:
            return float(number)
    return digits


# One for all: json.loads with a hook makes a decoder each time, which took longer than decoding.
_READER = json.JSONDecoder(parse_int=_number)


def _decoded(value: Message) -> Value:
    """
    The value itself, or what it holds undecoded.

    A request that nests too deep for protobuf, 100 messages, comes without the fields of its
    Values, so that the one that does can be named.
    """
    if isinstance(value, Value):
        return value
    try:
        return Value.FromString(value.SerializeToString())
    except DecodeError:
        raise jsontext.JsonError("$", f"nested deeper than {jsontext.NESTING_MAX} levels") from None


def _read(value: Value) -> Any:
    match value.WhichOneof("kind"):
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "null_value":
            return None
        case "struct_value":
            fields = value.struct_value.fields
            return {key: _read(fields[key]) for key in sorted(fields)}
        case "list_value":
            return [_read(item) for item in value.list_value.values]
        case _:
            return UnsetValue()


def _write(value: Value, data: Any) -> None:
    """
    Write in place: json_format, which goes over messages in between, takes three times as long.
    """
    kind = type(data)  # exactly what the decoder makes
    if kind is str:
        value.string_value = data
    elif kind is float:
        value.number_value = data
    elif kind is dict:
        value.struct_value.SetInParent()
        fields = value.struct_value.fields
        for key, item in data.items():
            _write(fields[key], item)
    elif kind is list:
        value.list_value.SetInParent()
        add = value.list_value.values.add
        for item in data:
            _write(add(), item)
    elif kind is bool:
        value.bool_value = data
    else:
        value.null_value = NULL_VALUE
