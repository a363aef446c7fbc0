"""
Events in words.
"""

from datetime import datetime
from typing import Any

from dalsegno.cli.printing import duration, local_time, short
from dalsegno.client import Error, Lineage, events


def line(event: events.RunEvent) -> str:
    """
    The event on one line, without the run it belongs to.
    """
    parts = [f"{event.sequence:>5}", clock(event.time), f"{event.type:<14}", event.address]
    return "  ".join(part for part in (*parts, told(event)) if part).rstrip()


def told(event: events.RunEvent) -> str:
    """
    What an event tells beyond its kind and address; may be empty.
    """
    match event:
        case events.RunStarted(lineage=Lineage() as lineage):
            return f"{replay_of(lineage)} with {short(event.input)}"
        case events.RunStarted():
            return f"{event.workflow_id} with {short(event.input)}"
        case events.RunResumed():
            return _joined(", ".join(event.addresses), _data(event.resume_data))
        case events.RunSuspended():
            return f"waits for {', '.join(event.addresses)}"
        case events.RunWaiting() | events.StepWaiting():
            return f"until {local_time(event.due_time)}"
        case events.RunCompleted():
            return short(event.result)
        case events.RunFailed() | events.StepFailed():
            return error(event.error)
        case events.RunPaused():
            before = f"before {', '.join(event.addresses)}" if event.addresses else ""
            return _joined(before, event.reason or "")
        case events.RunCanceled():
            return event.reason or ""
        case events.StepStarted():
            attempt = f"attempt {event.attempt}" if event.attempt > 1 else ""
            return _joined(attempt, _data(event.resume_data))
        case events.StepRetrying():
            return f"attempt {event.attempt}: {error(event.error)}"
        case events.StepOutput():
            return short(event.data)
        case events.StepProgress():
            return f"{event.done} of {event.total}"
        case events.StepSuspended():
            return _joined(event.label or "", short(event.payload))
        case events.StepCompleted():
            return short(event.output)
        case _:
            return ""


def replay_of(lineage: Lineage) -> str:
    source = lineage.source_run_id
    return f"replay of {source} from {lineage.step}" if source else f"from {lineage.step}"


def error(error: Error) -> str:
    """
    Type and message on one line, cut if they are long.
    """
    text = " ".join(f"{error.type}: {error.message}".split())
    return text if len(text) <= 200 else text[:199] + "…"


def clock(time: datetime) -> str:
    """
    A time of day, to the millisecond.
    """
    return f"{time.astimezone():%H:%M:%S.%f}"[:-3]


def took(start: datetime | None, end: datetime | None) -> str:
    return duration(end - start) if start and end else ""


def _data(resume_data: Any) -> str:
    text = short(resume_data)
    return f"with {text}" if text else ""


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
