"""
Payloads: exact JSON text, and where it is stored.
"""

from msgspec.structs import replace

from dalsegno.model.noun import Noun


class Ref(Noun, frozen=True):
    """
    Names the stored payload of one event, so that nothing is stored twice.

    Attributes:
        sequence: Of the event in its run. For a state, 0 means the state the run began with.
    """

    run_id: str
    sequence: int


class Payload(Noun, frozen=True):
    """
    One JSON value as UTF-8 text, byte for byte as it was given or made.

    Attributes:
        at: The event that stores it; None while it is stored nowhere.
    """

    json: bytes
    at: Ref | None = None

    def stored(self, run_id: str, sequence: int) -> "Payload":
        """
        The same payload, known to be stored: where it was first, else at the event given.
        """
        return self if self.at is not None else replace(self, at=Ref(run_id, sequence))


NULL = Payload(b"null")
EMPTY_OBJECT = Payload(b"{}")
