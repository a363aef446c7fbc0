"""
Logs: one event per line on stderr, without payloads.

Code logs with the standard library, facts as `extra`; structlog only writes what comes out.
"""

import logging
import sys

import structlog
from structlog.typing import Processor

from dalsegno.config import Settings


def configure_logging(settings: Settings) -> None:
    """
    Write the logs of this process, ours and those of libraries, in the form asked for.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(settings))
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)


def formatter(settings: Settings) -> logging.Formatter:
    """
    What makes a line, or a page for people, of a log record.
    """
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *_renderers(settings),
        ],
    )


def _renderers(settings: Settings) -> list[Processor]:
    # Tracebacks are plain: the colourful ones show local variables, and those hold payloads.
    if settings.log_format == "console":
        return [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
