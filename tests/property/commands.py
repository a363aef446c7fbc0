"""
What random programs ask of the engine, written short enough to be read in a failure.

Payloads are Python values; what is left out is not given, and None is null.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from dalsegno.engine import commands
from dalsegno.engine.commands import StepResult
from dalsegno.model import jsontext


class _LeftOut:
    def __repr__(self) -> str:
        return "LEFT_OUT"


LEFT_OUT = _LeftOut()


def _text(value: Any) -> bytes | None:
    return None if value is LEFT_OUT else jsontext.dumps(value)


class _Short:
    """
    Shows the fields that differ from their defaults.
    """

    def __repr__(self) -> str:
        shown = [
            f"{each.name}={getattr(self, each.name)!r}"
            for each in fields(self)  # type: ignore[arg-type] # all that derive are dataclasses
            if getattr(self, each.name) not in (each.default, {})
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _repr_pretty_(self, printer: Any, _: bool) -> None:
        printer.text(repr(self))


@dataclass(frozen=True, repr=False)
class Start(_Short):
    input: Any = LEFT_OUT
    state: Any = LEFT_OUT
    per_step: bool = False

    def to_engine(self, request_id: str) -> commands.StartRun:
        return commands.StartRun(
            "w",
            _text(self.input),
            initial_state=_text(self.state),
            per_step=self.per_step,
            request_id=request_id,
        )


@dataclass(frozen=True, repr=False)
class Answer(_Short):
    run: str
    data: Any = LEFT_OUT
    step: str | None = None
    label: str | None = None
    per_step: bool = False

    def to_engine(self, request_id: str) -> commands.Resume:
        return commands.Resume(
            self.run,
            step=self.step,
            label=self.label,
            resume_data=_text(self.data),
            per_step=self.per_step,
            request_id=request_id,
        )


@dataclass(frozen=True, repr=False)
class Travel(_Short):
    """
    Attributes:
        outputs: Given by context, by address.
        payload: Input of the target, given by context.
    """

    run: str
    step: str
    input: Any = LEFT_OUT
    data: Any = LEFT_OUT
    state: Any = LEFT_OUT
    payload: Any = LEFT_OUT
    outputs: Mapping[str, Any] = field(default_factory=dict)
    per_step: bool = False
    force: bool = False

    def to_engine(self, request_id: str) -> commands.TimeTravel:
        context = {at: StepResult(output=_text(value)) for at, value in self.outputs.items()}
        if self.payload is not LEFT_OUT:
            context[self.step] = StepResult(payload=_text(self.payload))
        return commands.TimeTravel(
            self.step,
            run_id=self.run,
            input_data=_text(self.input),
            resume_data=_text(self.data),
            initial_state=_text(self.state),
            context=context,
            per_step=self.per_step,
            force=self.force,
            request_id=request_id,
        )

    @property
    def given(self) -> Any:
        """
        The target's input, if it is given.
        """
        return self.input if self.input is not LEFT_OUT else self.payload


@dataclass(frozen=True, repr=False)
class Cancel(_Short):
    run: str

    def to_engine(self, request_id: str) -> commands.Cancel:
        return commands.Cancel(self.run, "no longer wanted", request_id)


@dataclass(frozen=True, repr=False)
class Pause(_Short):
    run: str

    def to_engine(self, request_id: str) -> commands.Pause:
        return commands.Pause(self.run, "for a moment", request_id)


Command = Start | Answer | Travel | Cancel | Pause
