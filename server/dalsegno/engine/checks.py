"""
What comes in through the door is checked here, before anything is written.
"""

from dalsegno.model import jsontext
from dalsegno.model.errors import (
    InvalidContext,
    InvalidInput,
    InvalidResumeData,
    InvalidState,
    PayloadTooLarge,
)
from dalsegno.model.jsontext import JsonError
from dalsegno.model.payload import Payload
from dalsegno.workflow.types import Type, TypeMismatch

Refusal = type[InvalidInput] | type[InvalidState] | type[InvalidResumeData] | type[InvalidContext]


def payload(
    text: bytes, field: str, refusal: Refusal, bytes_max: int, *, types: tuple[Type, ...] = ()
) -> Payload:
    """
    A payload that a caller gave, if it is JSON within the limits and of these types.

    Raises:
        PayloadTooLarge: It takes more bytes than the limit.
        DalsegnoError: The refusal: it is not JSON, too deep, or of the wrong type.
    """
    if len(text) > bytes_max:
        raise PayloadTooLarge(field, len(text), bytes_max)
    try:
        jsontext.loads(text)
    except JsonError as error:
        raise refusal(field, str(error)) from error
    for type_ in types:
        fits(type_, text, field, refusal)
    return Payload(text)


def fits(type_: Type, text: bytes, field: str, refusal: Refusal) -> None:
    """
    Refuse checked JSON text that is of another type.

    Raises:
        DalsegnoError: The refusal.
    """
    try:
        type_.check(text)
    except TypeMismatch as error:
        raise refusal(field, str(error)) from error


def object_payload(text: bytes, field: str, refusal: Refusal, bytes_max: int) -> Payload:
    """
    As `payload`, for what must be a JSON object.

    Raises:
        PayloadTooLarge: It takes more bytes than the limit.
        DalsegnoError: The refusal.
    """
    given = payload(text, field, refusal, bytes_max)
    if not isinstance(jsontext.parse(text), dict):
        raise refusal(field, "$: must be a JSON object")
    return given


def state(text: bytes, type_: Type, bytes_max: int) -> Payload:
    """
    A state that a caller gave.

    Raises:
        PayloadTooLarge: It takes more bytes than the limit.
        InvalidState: It is not a JSON object, or not of the workflow's type of state.
    """
    field = "initial_state"
    given = object_payload(text, field, InvalidState, bytes_max)
    fits(type_, given.json, field, InvalidState)
    return given


def merged(old: Payload, text: bytes | None, bytes_max: int) -> Payload:
    """
    The request context with the given keys replaced.

    Raises:
        PayloadTooLarge: What is given takes more bytes than the limit.
        InvalidContext: It is not a JSON object.
    """
    if text is None:
        return old
    field = "request_context"
    given = object_payload(text, field, InvalidContext, bytes_max)
    both = {**jsontext.parse(old.json), **jsontext.parse(given.json)}
    return payload(jsontext.dumps(both), field, InvalidContext, bytes_max)
