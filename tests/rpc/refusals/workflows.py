"""
Workflows whose runs can be refused something: as they were recorded, and as they are now.
"""

from typing import Any

from pydantic import BaseModel

from dalsegno.workflow import Workflow
from tests.rpc.workflows import Number, add, ask, double, echo, fail, gate


class Tally(BaseModel):
    count: int = 0


def _is_positive(value: Any) -> bool:
    return bool(value > 0)


def _is_negative(value: Any) -> bool:
    return bool(value < 0)


_SAME = [
    Workflow("math", input=Number, state=Tally).then(add, double),
    Workflow("failing").then(echo, fail, echo.named("after")),
    Workflow("gated").then(gate, echo),
    Workflow("asking").then(echo, ask, echo.named("after")),
    Workflow("asking_twice").parallel(ask.named("left"), ask.named("right")),
    Workflow("asking_inside").then(Workflow("inner").then(ask)),
    Workflow("half").parallel(ask.named("asks"), gate.named("runs")),
    Workflow("sleeping").then(echo).sleep("nap", 3600).then(echo.named("after")),
    Workflow("each").foreach(Workflow("item", input=Number).then(add, double)),
    Workflow("looping").do_while(Workflow("turn").then(echo), lambda _: False),
    Workflow("joining").then(echo).parallel(echo.named("left"), echo.named("right"), id="both"),
    Workflow("choosing").branch((_is_positive, echo.named("plus")), (_is_negative, echo)),
    Workflow("minding").when(_is_negative, Workflow("minded").then(echo)),
    Workflow("choosing_inside")
    .then(echo)
    .parallel(
        Workflow("arm").branch((_is_positive, echo.named("plus")), (_is_negative, echo)),
        echo.named("other"),
    ),
]

a, b, fresh = echo.named("a"), echo.named("b"), echo.named("fresh")
one = echo.named("one")

RECORDED = [
    *_SAME,
    Workflow("changed").then(a, b).foreach(one),
    Workflow("grown").then(a, b),
    Workflow("orphan").then(ask),
]

NOW = [
    *_SAME,
    Workflow("changed").then(b, a, fresh).foreach(one),
    Workflow("grown").then(a, fresh, b),
]
