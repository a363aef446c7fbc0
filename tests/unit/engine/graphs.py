"""
Graphs that a run is cut in, at every append of it.
"""

from collections.abc import Callable

from dalsegno.workflow import Context, Retry, Workflow
from tests.unit.engine.bodies import Bodies, Does, asks_and_adds, fails, trace

Make = Callable[[Bodies], Workflow]

_A_WHILE = 40  # reads of the store


def fails_at_first(letter: str) -> Does:
    """
    Fails the first attempt, and adds a letter in the second.
    """

    def does(value: object, ctx: Context) -> str:
        if ctx.attempt == 1:
            raise ConnectionError(letter)
        return trace(value) + letter

    return does


def plain(bodies: Bodies) -> Workflow:
    return Workflow("w").then(*bodies.steps("abc"))


def retried(bodies: Bodies) -> Workflow:
    retry = Retry(max_attempts=2)
    return Workflow("w").then(bodies.step("a", fails_at_first("a"), retry=retry), bodies.step("b"))


def nested(bodies: Bodies) -> Workflow:
    inner = Workflow("inner").then(*bodies.steps("xy")).map("m", lambda text: f"{text}m")
    return Workflow("w").then(inner, bodies.step("b"))


def blocks(bodies: Bodies) -> Workflow:
    inner = Workflow("inner").then(*bodies.steps("xy"))
    return (
        Workflow("w")
        .parallel(bodies.step("p"), inner)
        .branch((lambda _: True, bodies.step("q")), (lambda _: False, bodies.step("r")))
        .then(bodies.step("j"))
    )


def repeated(bodies: Bodies) -> Workflow:
    return (
        Workflow("w")
        .do_until(bodies.step("l"), lambda text: len(text) == 3)
        .map("m", lambda text: [*text])
        .foreach(bodies.step("f"), concurrency=2)
        .then(bodies.step("b"))
    )


def timed(bodies: Bodies) -> Workflow:
    quick = Workflow("quick").sleep("nap", 1).then(bodies.step("x"))
    return Workflow("w").sleep("first", 60).parallel(quick, bodies.step("p")).then(bodies.step("j"))


def passing(bodies: Bodies) -> Workflow:
    return (
        Workflow("w")
        .when(lambda _: False, bodies.step("m"))
        .tap(bodies.step("t", fails))
        .tap(bodies.step("u"))
        .when(lambda _: True, bodies.step("n"))
        .then(bodies.step("b"))
    )


def failing(bodies: Bodies) -> Workflow:
    inner = Workflow("inner").then(bodies.step("x"), bodies.step("y", fails))
    return Workflow("w").parallel(bodies.step("p"), inner).then(bodies.step("j"))


def failing_items(bodies: Bodies) -> Workflow:
    async def slow_or_failing(value: object, ctx: Context) -> str:
        """
        Fails at once for "2"; anything else takes its time until that has failed, in this server
        or, which takes longest, in one before.
        """
        if value == "2":
            fails(value, ctx)
        reads = 0
        while reads < (_A_WHILE if "f[1]" in bodies.calls else 5 * _A_WHILE):
            await ctx.result_of("m")
            reads += 1
        return f"{value}f"

    items = Workflow("w").map("m", lambda _: ["1", "2", "3"])
    return items.foreach(bodies.step("f", slow_or_failing), concurrency=2)


def bailing(bodies: Bodies) -> Workflow:
    inner = Workflow("inner").then(
        bodies.step("x"), bodies.step("y", lambda text, ctx: ctx.bail(f"{text}!"))
    )
    return Workflow("w").then(inner.then(bodies.step("z")), bodies.step("b"))


def suspending(bodies: Bodies) -> Workflow:
    inner = Workflow("inner").then(bodies.step("x"), bodies.step("s", asks_and_adds))
    return Workflow("w").parallel(inner, bodies.step("q")).then(bodies.step("j"))


ALL: list[Make] = [
    plain,
    retried,
    nested,
    blocks,
    repeated,
    timed,
    passing,
    failing,
    failing_items,
    bailing,
    suspending,
]
