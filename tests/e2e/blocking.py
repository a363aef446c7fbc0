"""
Workflows whose bodies keep what they run on.
"""

import time
from typing import Any

from dalsegno.workflow import Workflow, step


@step
def sleep_on_a_thread(seconds: float) -> str:
    time.sleep(seconds)
    return "slept"


@step
def compute_on_a_thread(seconds: float) -> str:
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        pass
    return "computed"


@step
async def sleep_on_the_loop(seconds: float) -> str:
    time.sleep(seconds)  # noqa: ASYNC251 - what it is for
    return "slept"


@step
async def echo(value: Any) -> Any:
    return value


threads = Workflow("threads").parallel(sleep_on_a_thread, compute_on_a_thread)
loop = Workflow("loop").then(echo).then(sleep_on_the_loop)
quick = Workflow("quick").then(echo)
