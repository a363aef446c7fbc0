"""
Page tokens: where the next page of one question begins.
"""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode

from google.protobuf.message import Message

from dalsegno.model.errors import InvalidPageToken
from dalsegno.v1 import run_service_pb2 as pb

PAGE_SIZE = 100
_DIGEST_BYTES = 8  # keeps apart questions asked by mistake; a token grants nothing


def page_size(request: Message) -> int:
    """
    How many items the caller wants at most.
    """
    size: int = getattr(request, "page_size")  # noqa: B009 - only list requests have it
    return size or PAGE_SIZE


def token_to_proto(request: Message, start: str | None) -> str:
    """
    The token for the page that begins at *start*; "" if that is None, after the last page.
    """
    if start is None:
        return ""
    return urlsafe_b64encode(_digest(request) + start.encode()).decode().rstrip("=")


def token_from_proto(request: Message) -> str | None:
    """
    Where the page asked for begins; None for the first.

    Raises:
        InvalidPageToken: The token was not given for this question.
    """
    token: str = getattr(request, "page_token")  # noqa: B009 - only list requests have it
    if not token:
        return None
    try:
        data = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        start = data[_DIGEST_BYTES:].decode()
    except ValueError:
        raise InvalidPageToken from None
    # Comparing whole tokens also refuses those that only decode to the same.
    if token_to_proto(request, start) != token:
        raise InvalidPageToken
    return start


def sequence_from_proto(request: pb.ListEventsRequest) -> int:
    """
    The sequence after which a page of events begins.

    Raises:
        InvalidPageToken: The token was not given for this question.
    """
    start = token_from_proto(request)
    if start is None:
        return request.after_sequence
    if not start.isdecimal():
        raise InvalidPageToken
    return int(start)


def _digest(request: Message) -> bytes:
    """
    Of the question: which method, and every field but those of the page.
    """
    question = type(request)()
    question.CopyFrom(request)
    question.ClearField("page_token")
    question.ClearField("page_size")
    text = question.DESCRIPTOR.full_name.encode() + question.SerializeToString(deterministic=True)
    return hashlib.sha256(text).digest()[:_DIGEST_BYTES]
