"""
Logs are lines that machines read, or pages that people do; neither shows a payload.
"""

import json
import logging
from types import TracebackType

import pytest

from dalsegno.config import Settings
from dalsegno.telemetry import formatter

SECRET = "hunter2"

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def failure() -> ExcInfo:
    payload = {"password": SECRET}
    try:
        payload[str(len(payload))]
    except KeyError as error:
        return type(error), error, error.__traceback__
    raise AssertionError


def record(exc_info: ExcInfo | None = None) -> logging.LogRecord:
    logger = logging.getLogger("dalsegno.rpc")
    return logger.makeRecord(
        logger.name,
        logging.ERROR,
        __file__,
        1,
        "call %s\nfailed",
        ("GetRun",),
        exc_info,
        extra={"incident": "8f14e45f"},
    )


def test_json_is_one_line_with_every_fact() -> None:
    line = formatter(Settings(log_format="json")).format(record(failure()))

    assert "\n" not in line
    logged = json.loads(line)
    assert logged["event"] == "call GetRun\nfailed"
    assert (logged["level"], logged["logger"]) == ("error", "dalsegno.rpc")
    assert logged["incident"] == "8f14e45f"
    assert logged["timestamp"].endswith("Z")
    assert "KeyError: '1'" in logged["exception"]


def test_people_see_facts_and_tracebacks_too() -> None:
    page = formatter(Settings(log_format="console")).format(record(failure()))

    assert "incident=8f14e45f" in page
    assert "KeyError: '1'" in page


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_no_log_shows_local_variables(log_format: str) -> None:
    settings = Settings.model_validate({"log_format": log_format})

    assert SECRET not in formatter(settings).format(record(failure()))
