"""
Every way a call can end, as a status.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from dalsegno.model.errors import DalsegnoError
from dalsegno.model.failpoint import Failpoint, hit
from dalsegno.rpc.interceptors.wrap import (
    Context,
    Handler,
    behaviour_of,
    with_behaviour,
)
from dalsegno.rpc.status import fault, refusal

_log = logging.getLogger(__name__)


class ErrorGuard(grpc.aio.ServerInterceptor):
    """
    Turns errors into statuses, and sees to it that no caller is left waiting.

    Of grpc itself an unknown exception shows its text to the caller, and a CancelledError that
    leaves a handler without its call being canceled is never answered at all: the caller waits
    for its deadline, or for ever (grpc/grpc#29248).
    """

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        behaviour = behaviour_of(handler)
        method = handler_call_details.method

        async def guarded(request: Any, context: Context) -> Any:
            try:
                answer = await behaviour(request, context)
                hit(Failpoint.ANSWER_BEFORE)
                return answer
            except grpc.aio.AbortError:
                raise
            except grpc.aio.InternalError:
                # A write has failed: the caller has gone, and nobody is left to be answered.
                _log.debug("caller left", extra={"method": method}, exc_info=True)
            except NotImplementedError:
                # Of the generated base class: a method that the protos have and we have not.
                await context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{method} is not served")
            except DalsegnoError as error:
                await context.abort_with_status(refusal(error))
            except asyncio.CancelledError:
                if _is_call_canceled():
                    raise
                # A task that the handler awaited was canceled, and nobody handled it.
                await context.abort_with_status(_incident(grpc.StatusCode.ABORTED, method))
            except Exception:  # noqa: BLE001 - the one place that turns them into INTERNAL
                await context.abort_with_status(_incident(grpc.StatusCode.INTERNAL, method))

        return with_behaviour(handler, guarded)


def _is_call_canceled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _incident(code: grpc.StatusCode, method: str) -> grpc.Status:
    incident = secrets.token_hex(4)
    _log.exception("call failed", extra={"incident": incident, "method": method})
    return fault(code, incident)
