"""
Types of payloads, made from annotations: what JSON text they take, and what bodies get of it.
"""

import dataclasses
import math
from typing import Any

from pydantic import (
    BaseModel,
    PydanticUndefinedAnnotation,
    PydanticUserError,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import ErrorDetails

from dalsegno.model import jsontext
from dalsegno.model.jsontext import JsonError

_PROBLEMS_SHOWN_MAX = 3  # one mistake in a long array would fill a page with its likes

_Path = tuple[str | int, ...]


class TypeMismatch(ValueError):
    """
    A value that does not fit its type, or has no JSON form at all.

    Attributes:
        path: Where in the value, e.g. ``$.amount``; ``$`` is the whole of it.
        problem: What is wrong there, and what else is wrong elsewhere.
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


class Type:
    """
    What a payload must be. Never coerces: text with digits is no number.

    All JSON text given must have been checked before (`jsontext.loads`, `jsontext.dumps`).
    """

    def __init__(self, annotation: Any) -> None:
        """
        Raises:
            TypeError: The annotation is nothing that JSON could be checked against.
        """
        self._adapter: TypeAdapter[Any] | None = None
        if annotation is Any or annotation is object:
            return
        try:
            self._adapter = TypeAdapter(annotation)
            if not self._adapter.pydantic_complete:
                self._adapter.rebuild(raise_errors=True)  # names that were unknown till now
        except (PydanticUserError, PydanticUndefinedAnnotation) as error:
            raise TypeError(f"{annotation!r} is no type for JSON: {_first_line(error)}") from error

    @classmethod
    def any(cls) -> "Type":
        """
        The type of every JSON value.
        """
        return cls(Any)

    @property
    def is_any(self) -> bool:
        return self._adapter is None

    def decode(self, data: bytes) -> Any:
        """
        Make the value a body gets; a new one each time.

        Raises:
            TypeMismatch: The text is of another type.
        """
        if self._adapter is None:
            return jsontext.parse(data)
        try:
            return self._adapter.validate_json(data, strict=True)
        except ValidationError as error:
            raise _mismatch(error, data) from None

    def check(self, data: bytes) -> None:
        """
        Refuse text of another type.

        Raises:
            TypeMismatch: The text is of another type.
        """
        if self._adapter is not None:
            self.decode(data)

    def encode(self, value: Any) -> bytes:
        """
        Write a value as it is: an int stays one where a float was declared.

        Pydantic models and dataclass instances are written as objects, wherever they are.
        What else JSON has no form for is written only if its type says how (a datetime, a set of
        numbers), and only if that text means the same value again.

        Raises:
            TypeMismatch: It is of another type, or has no JSON form.
        """
        try:
            text = jsontext.dumps(value, _plain)
        except JsonError as error:
            return self._encode_by_type(value, TypeMismatch(error.path, error.problem))
        self.check(text)
        return text

    def schema(self) -> dict[str, Any] | None:
        """
        JSON schema; None if every value fits.

        Raises:
            TypeError: JSON schema cannot say it.
        """
        if self._adapter is None:
            return None
        try:
            return self._adapter.json_schema()
        except PydanticUserError as error:
            raise TypeError(f"a type has no JSON schema: {_first_line(error)}") from error

    def _encode_by_type(self, value: Any, refusal: TypeMismatch) -> bytes:
        if self._adapter is None:
            raise refusal from None
        try:
            plain = self._adapter.dump_python(value, mode="json", by_alias=True, warnings="error")
            text = jsontext.dumps(plain)
            # Where the type says Any, pydantic writes sets as arrays and numbers as keys.
            is_same = self._adapter.validate_json(text, strict=True) == value
        except ValueError:  # pydantic's, jsontext's, and that of bytes which are no UTF-8
            raise refusal from None
        if not is_same:
            raise refusal from None
        return text


def _plain(value: Any) -> Any:
    """
    Take a model or dataclass instance apart.

    Raises:
        TypeError: It is neither.
        JsonError: A model cannot be written, or holds NaN or an infinity.
    """
    if isinstance(value, BaseModel):
        return _plain_model(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
    raise TypeError


def _plain_model(model: BaseModel) -> Any:
    try:
        # Pydantic would write null for an infinity.
        _refuse_non_finite(model.model_dump(by_alias=True, warnings=False), ())
        return model.model_dump(mode="json", by_alias=True, warnings=False)
    except JsonError:
        raise
    except ValueError as error:  # pydantic's, and that of bytes which are no UTF-8
        raise JsonError("$", f"a {type(model).__name__} has no JSON form: {error}") from None


def _refuse_non_finite(value: Any, path: _Path) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise JsonError(jsontext.path_text(path), f"{float.__repr__(value)} is not JSON")
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse_non_finite(item, (*path, str(key)))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _refuse_non_finite(item, (*path, index))


def _mismatch(error: ValidationError, data: bytes) -> TypeMismatch:
    value = jsontext.parse(data)
    details = error.errors(include_url=False, include_context=False, include_input=False)
    # A union tells of one place once for each of its members.
    found = list(dict.fromkeys((_path(detail, value), detail["msg"]) for detail in details))
    (path, problem), *others = found
    shown = [problem] + [
        text if place == path else f"{place}: {text}"
        for place, text in others[: _PROBLEMS_SHOWN_MAX - 1]
    ]
    if (left := len(found) - len(shown)) > 0:
        shown.append(f"and {left} more")
    return TypeMismatch(path, "; ".join(shown))


def _path(detail: ErrorDetails, value: Any) -> str:
    """
    Where in the value the problem is; pydantic also names union members and validators there.
    """
    path: _Path = ()
    loc = detail["loc"]
    for index, part in enumerate(loc):
        if _has(value, part):
            value = value[part]
        elif detail["type"] != "missing" or index < len(loc) - 1:
            continue
        path = (*path, part)
    return jsontext.path_text(path)


def _has(value: Any, part: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(part, int) and part < len(value)
    return isinstance(value, dict) and part in value


def _first_line(error: PydanticUserError | PydanticUndefinedAnnotation) -> str:
    return error.message.splitlines()[0]
