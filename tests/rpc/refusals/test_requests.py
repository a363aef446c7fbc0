"""
Requests that cannot be read, or ask for what there is not.
"""

from typing import Any

import pytest

from dalsegno.v1 import run_service_pb2 as pb
from tests.rpc.refusals.asking import forms_of
from tests.rpc.refusals.case import Case
from tests.rpc.refusals.of_requests import SOUND
from tests.rpc.refusals.stage import Stage
from tests.rpc.refused import refused

_UNREADABLE = Case("", {}, "INVALID_REQUEST", violations={"": "body"})
_NO_FORM = Case("", {}, "INVALID_REQUEST", violations={"dalsegno-payload-form": "xml"})

FORMS = [form for method in SOUND for form in forms_of(method)]
OF_RUNS = [form for form in FORMS if hasattr(pb, f"{form}Request")]

# Those that answer no payloads do not look at the form.
WITH_PAYLOADS = [it for it in OF_RUNS if it not in ("DeleteRun", "RestartActive", "GetLineage")]


async def ends(call: Any) -> None:
    await (call.read() if hasattr(call, "read") else call)


@pytest.mark.parametrize("body", [b"\xff\xff", b"\x0a\x05ab", b"\x00" * 9])
@pytest.mark.parametrize("form", OF_RUNS)
async def test_a_body_that_is_no_request(stage: Stage, form: str, body: bytes) -> None:
    channel: Any = stage.served.channel
    is_stream = form.endswith("Stream") or form == "WatchRun"
    method = channel.unary_stream if is_stream else channel.unary_unary

    with refused() as told:
        await ends(method(f"/dalsegno.v1.RunService/{form}")(body))

    _UNREADABLE.check(told)
    stage.assert_rows_unchanged()


@pytest.mark.parametrize("form", WITH_PAYLOADS)
async def test_a_form_of_payloads_that_there_is_not(stage: Stage, form: str) -> None:
    method = next(method for method in SOUND if form in forms_of(method))
    request = getattr(pb, f"{form}Request")(**SOUND[method])
    metadata = (("dalsegno-payload-form", "xml"),)

    with refused() as told:
        await ends(getattr(stage.served.runs, form)(request, metadata=metadata, timeout=5))

    _NO_FORM.check(told)
    stage.assert_rows_unchanged()
