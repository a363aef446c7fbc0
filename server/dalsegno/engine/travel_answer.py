"""
Resume data that a time travel gives.
"""

from dalsegno.engine import checks
from dalsegno.engine.drive import graph_order, is_resumable
from dalsegno.engine.parts import resume_type
from dalsegno.engine.trip import Trip
from dalsegno.model import address as addresses
from dalsegno.model.errors import InvalidResumeData, NothingToResume
from dalsegno.model.payload import Payload
from dalsegno.model.record import Record, StepStatus
from dalsegno.model.shape import Place, Side, relation


async def kept_resume_data(trip: Trip, target: Place) -> tuple[tuple[str, Payload], ...]:
    """
    The resume data given, checked, with the address of the step that it is kept for.

    Raises:
        NothingToResume: The source has no suspended step at or after the target.
        InvalidResumeData: It is not what that step takes.
        PayloadTooLarge: It takes more bytes than the limit.
    """
    text = trip.command.resume_data
    if text is None:
        return ()
    address = await _suspended_at_or_after(trip, target)
    source = trip.source_run
    if address is None:
        raise NothingToResume(source.run_id if source else None, trip.command.step)
    types = (resume_type(trip.workflow, trip.shape, address),)
    field = "resume_data"
    answer = checks.payload(text, field, InvalidResumeData, trip.bytes_max, types=types)
    return ((address, answer),)


async def _suspended_at_or_after(trip: Trip, target: Place) -> str | None:
    source = trip.source_run
    if source is None or source.status.is_terminal:
        return None
    found = await trip.store.active_records(source.run_id, (StepStatus.SUSPENDED,))
    candidates = [
        record.address
        for record in found
        if is_resumable(record) and _reaches(trip, record, target)
    ]
    if target.address in candidates:
        return target.address
    inside = [at for at in candidates if addresses.is_inside(at, trip.command.step)]
    first = min(((graph_order(at, trip.shape), at) for at in inside or candidates), default=None)
    return first[1] if first is not None else None


def _reaches(trip: Trip, record: Record, target: Place) -> bool:
    place = trip.shape.find(addresses.parse(record.address))
    return place is not None and relation(place, target).side is not Side.BEFORE
