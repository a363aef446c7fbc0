"""
What workflow authors import.
"""

from dalsegno.workflow.builder import Workflow as Workflow
from dalsegno.workflow.context import Context as Context
from dalsegno.workflow.retry import NonRetryable as NonRetryable
from dalsegno.workflow.retry import Retry as Retry
from dalsegno.workflow.sources import constant as constant
from dalsegno.workflow.sources import from_init as from_init
from dalsegno.workflow.sources import from_request_context as from_request_context
from dalsegno.workflow.sources import from_step as from_step
from dalsegno.workflow.step import step as step

__all__ = [
    "Context",
    "NonRetryable",
    "Retry",
    "Workflow",
    "constant",
    "from_init",
    "from_request_context",
    "from_step",
    "step",
]
