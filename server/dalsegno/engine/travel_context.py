"""
Records that the context of a time travel gives.
"""

from dalsegno.engine import checks
from dalsegno.engine.commands import StepResult
from dalsegno.engine.trip import Trip
from dalsegno.model import address as addresses
from dalsegno.model.errors import InvalidAddress, InvalidContext
from dalsegno.model.record import Record, StepStatus
from dalsegno.model.shape import BLOCKS, Place, Side, relation


async def records_given(trip: Trip, target: Place) -> dict[str, Record]:
    """
    The records that the context gives, as far as the replay uses them, by address.

    Raises:
        InvalidContext: An address or a result that cannot be given.
        PayloadTooLarge: An output takes more bytes than the limit.
    """
    given = {}
    for address, result in trip.command.context.items():
        place = _context_place(trip, address)
        if _is_used(address, place, target):
            given[address] = await _record_given(trip, address, place, result)
    return given


def _context_place(trip: Trip, address: str) -> Place:
    field = field_of(address)
    try:
        place = trip.shape.find(addresses.parse(address))
    except InvalidAddress as error:
        raise InvalidContext(field, str(error)) from error
    if place is None:
        raise InvalidContext(field, "names nothing in the workflow")
    if place.last.leaf.kind in BLOCKS:
        raise InvalidContext(field, "is a block; give the outputs of its arms")
    return place


def _is_used(address: str, place: Place, target: Place) -> bool:
    found = relation(place, target)
    if found.side is Side.AFTER:
        return False
    whole = place.levels[found.level]
    if found.side is Side.BESIDE:
        is_whole = address == found.beside
    else:
        is_whole = found.level == len(place.levels) - 1
    if not is_whole:
        problem = f"lies inside {whole.bare!r}; give the output of that"
        raise InvalidContext(field_of(address), problem)
    return True


def field_of(address: str) -> str:
    """
    The field of the request that gives a record, as paths of fields name it.
    """
    return f'context["{address}"]'


async def _record_given(trip: Trip, address: str, place: Place, result: StepResult) -> Record:
    field = field_of(address)
    if result.status not in (None, StepStatus.SUCCESS.value):
        problem = f"is {result.status}; only success is accepted"
        raise InvalidContext(f"{field}.status", problem)
    if result.output is None:
        raise InvalidContext(f"{field}.output", "is missing")
    output = checks.payload(result.output, f"{field}.output", InvalidContext, trip.bytes_max)
    recorded = await trip.source.record(address) if trip.source is not None else None
    value = recorded.input if recorded is not None else None
    if result.payload is not None:
        value = checks.payload(result.payload, f"{field}.payload", InvalidContext, trip.bytes_max)
    body = place.last.leaf.body
    is_item = place.last.index is not None
    return Record(
        run_id=trip.run_id,
        address=address,
        kind=body.kind if is_item and body is not None else place.last.leaf.kind,
        status=StepStatus.SUCCESS,
        first_sequence=0,
        started_us=trip.now_us,
        ended_us=trip.now_us,
        input=value,
        output=output,
        is_given=True,
    )
