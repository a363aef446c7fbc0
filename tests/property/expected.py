"""
What a command must be answered, told from what was seen of its run before.
"""

from collections.abc import Mapping, Sequence

from dalsegno.engine.commands import Accepted, Suspension
from dalsegno.model import jsontext
from dalsegno.model.errors import (
    AmbiguousSuspension,
    DalsegnoError,
    InvalidAddress,
    InvalidResumeData,
    NotSuspended,
    RunFinished,
    SourceRunActive,
    StepNotFound,
)
from dalsegno.model.record import Record
from dalsegno.model.run import Run, RunStatus
from tests.property.bodies import Does
from tests.property.commands import LEFT_OUT, Answer, Cancel, Command, Pause, Start, Travel
from tests.property.graphs import Flow

Refusals = tuple[type[DalsegnoError], ...]

_NO_SUCH_STEP = (NotSuspended, StepNotFound, InvalidAddress)


def check_answer(
    command: Command,
    answer: Accepted | DalsegnoError,
    run: Run | None,
    asked: Sequence[Suspension],
    flow: Flow,
) -> None:
    """
    Compare what a command was answered with what it should be, as far as that is known.

    Args:
        run: The run it is about, as it was before; None for a start.
        asked: What that run waited for.
    """
    if isinstance(answer, DalsegnoError):
        assert not type(answer).__subclasses__(), "a refusal is a leaf of the tree"
        assert answer.reason
    if isinstance(command, Start):
        assert isinstance(answer, Accepted)
    if run is None or not run.status.is_at_rest:
        return
    match command:
        case Answer():
            _check(answer, _refusals_of_answer(command, run, asked, flow))
        case Cancel():
            is_over = run.status in (RunStatus.SUCCESS, RunStatus.FAILED)
            _check(answer, (RunFinished,) if is_over else ())
        case Pause():
            _check(answer, (RunFinished,) if run.status.is_terminal else ())
        case Travel():
            assert not isinstance(answer, SourceRunActive)


def _check(answer: Accepted | DalsegnoError, refusals: Refusals | None) -> None:
    if refusals is None:
        return
    if refusals:
        assert isinstance(answer, refusals), f"{answer!r} is none of {refusals}"
    else:
        assert isinstance(answer, Accepted), f"refused: {answer!r}"


def _refusals_of_answer(
    command: Answer, run: Run, asked: Sequence[Suspension], flow: Flow
) -> Refusals | None:
    """
    How an answer may be refused: empty if it must be accepted, None if that is not known here.
    """
    if run.status.is_terminal:
        return (RunFinished,)
    places = [suspension.address for suspension in asked]
    if command.step is not None and command.step not in places:
        return _NO_SUCH_STEP
    names_one = command.step is not None or command.label is not None
    if run.status is RunStatus.PAUSED:
        return (NotSuspended,) if names_one or command.data is not LEFT_OUT else ()
    meant = [each for each in asked if command.step in (None, each.address)]
    if command.step is None and command.label is not None:
        meant = [each for each in meant if each.label == command.label]
    if len(meant) != 1:
        return (AmbiguousSuspension,) if meant else (NotSuspended,)
    if command.data is LEFT_OUT:
        return (InvalidResumeData,)
    return _refusals_of_data(command.data, meant[0].address, flow)


def _refusals_of_data(data: object, address: str, flow: Flow) -> Refusals | None:
    step_id = address.rpartition(".")[2].partition("[")[0]
    asks_number = any(part.id == step_id and part.does is Does.ASK_NUMBER for part in flow.parts())
    if not asks_number or type(data) is int:
        return ()
    return None if isinstance(data, bool) else (InvalidResumeData,)


def check_lineage(command: Travel, replay: Run, source: Run) -> None:
    """
    A replay knows where it comes from.
    """
    lineage = replay.lineage
    assert lineage is not None
    assert (lineage.source_run_id, lineage.step) == (source.run_id, command.step)
    above = source.lineage
    assert lineage.root_run_id == (above.root_run_id if above else source.run_id)
    assert lineage.depth == (above.depth if above else 0) + 1


def check_target(
    command: Travel, replay: Run, shown: Mapping[str, Record], before: Mapping[str, Record]
) -> None:
    """
    The target executed in the replay, on the input it was given, else on the recorded one.

    Args:
        shown: Records of the replay, if it rests.
        before: Those of its source.
    """
    lineage = replay.lineage
    assert lineage is not None
    target = shown.get(lineage.entry)
    if target is None or target.run_id != replay.run_id:
        assert replay.status is not RunStatus.SUCCESS or lineage.entry not in before
        return
    if command.given is not LEFT_OUT:
        expected = jsontext.dumps(command.given)
    elif lineage.entry in before and not command.outputs:
        recorded = before[lineage.entry].input
        expected = recorded.json if recorded is not None else b"null"
    else:
        return
    assert target.input is not None
    assert target.input.json == expected
