"""
Page tokens: where the next page begins, bound to the question it belongs to.
"""

import base64
import binascii
import hashlib
import json
from typing import Any

from dalsegno.model.errors import InvalidPageToken


def encode(question: object, position: list[Any]) -> str:
    """
    A token for the page after a position.
    """
    text = json.dumps([_digest(question), *position], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(question: object, token: str, kinds: tuple[type, ...]) -> list[Any]:
    """
    The position in a token.

    Args:
        kinds: Types of the position's members.

    Raises:
        InvalidPageToken: It is no token of this question.
    """
    try:
        text = base64.urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4))
        digest, *position = list(json.loads(text))
    except (ValueError, TypeError, binascii.Error) as error:
        raise InvalidPageToken from error
    is_of_kinds = [type(member) for member in position] == list(kinds)
    if digest != _digest(question) or not is_of_kinds:
        raise InvalidPageToken
    return list(position)


def _digest(question: object) -> str:
    return hashlib.sha256(repr(question).encode()).hexdigest()[:16]
