"""
Answers that fit: clients refuse messages above 4 MiB.
"""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from google.protobuf.message import Message

from dalsegno.v1.payload_pb2 import Payload

M = TypeVar("M", bound=Message)

# Tags and lengths around one item of an answer, those of an entry of a map included.
AROUND_ITEM = 16


def leave_out_largest(message: Message, bytes_max: int) -> None:
    """
    Empty payloads, largest first, until the message takes at most *bytes_max*.

    A payload that was left out is still set, and has no form. Only a message with several
    payloads near the limit of one is ever concerned.
    """
    if message.ByteSize() <= bytes_max:
        return
    for payload in sorted(_payloads(message), key=Payload.ByteSize, reverse=True):
        payload.Clear()
        if message.ByteSize() <= bytes_max:
            return


def fitting(messages: Iterable[M], bytes_max: int) -> list[M]:
    """
    As many of the messages as fit into an answer together, from the first on.

    The first is always among them; if need be its largest payloads are left out.
    """
    taken: list[M] = []
    left = bytes_max
    for message in messages:
        if not taken:
            leave_out_largest(message, bytes_max - AROUND_ITEM)
        left -= message.ByteSize() + AROUND_ITEM
        if taken and left < 0:
            break
        taken.append(message)
    return taken


def _payloads(message: Message) -> Iterator[Payload]:
    if isinstance(message, Payload):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            inner = list(value.values())
        elif field.is_repeated:
            inner = list(value)
        else:
            inner = [value]
        for item in inner:
            if isinstance(item, Message):
                yield from _payloads(item)
