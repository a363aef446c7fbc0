"""
Page tokens are good for the question they were given for, and no other.
"""

from typing import Any

import pytest

from tests.rpc.refusals.asking import call, refusal_to
from tests.rpc.refusals.case import Case
from tests.rpc.refusals.stage import Stage

# Questions with more than one answer each.
QUESTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "runs": ("ListRuns", {}),
    "runs of a workflow": ("ListRuns", {"workflow_id": "math"}),
    "steps": ("ListSteps", {"run_id": "finished"}),
    "steps of another run": ("ListSteps", {"run_id": "answered"}),
    "events": ("ListEvents", {"run_id": "finished"}),
    "later events": ("ListEvents", {"run_id": "finished", "after_sequence": 2}),
    "lineage": ("GetLineage", {"run_id": "source"}),
    "workflows": ("ListWorkflows", {}),
}


@pytest.mark.parametrize("asked", QUESTIONS)
async def test_a_token_of_another_question_is_refused(stage: Stage, asked: str) -> None:
    method, fields = QUESTIONS[asked]
    page = await call(stage.served, method, {**fields, "page_size": 1})
    token = {"page_size": 1, "page_token": page.next_page_token}
    assert page.next_page_token

    for question, (other, its_fields) in QUESTIONS.items():
        if question != asked:
            told = await refusal_to(stage.served, other, {**its_fields, **token})
            Case(other, {}, "INVALID_PAGE_TOKEN", violations={"page_token": "token"}).check(told)
    await call(stage.served, method, {**fields, **token})


@pytest.mark.parametrize("asked", QUESTIONS)
async def test_a_token_that_was_changed_is_refused(stage: Stage, asked: str) -> None:
    method, fields = QUESTIONS[asked]
    page = await call(stage.served, method, {**fields, "page_size": 1})
    token = page.next_page_token

    first = "A" if token[0] != "A" else "B"
    for changed in (first + token[1:], token[:5], f"{token}!", f" {token}"):
        told = await refusal_to(stage.served, method, {**fields, "page_token": changed})
        Case(method, {}, "INVALID_PAGE_TOKEN", violations={"page_token": "token"}).check(told)
