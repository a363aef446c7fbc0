"""
The runner reports what does not hold: a runner that cannot fail proves nothing.
"""

import copy
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import play, runner
from tests.conformance.__main__ import disputing
from tests.conformance.runner import Outcome
from tests.conformance.scenario import EXPECTATIONS

SELFTEST = Path(__file__).parent / "selftest"
EVERY_KEY = SELFTEST / "every-key.json"
REPOSITORY = Path(__file__).parents[2]

# Number of a call, path into its expect, and what does not hold there.
WRONG: list[tuple[int, str, Any]] = [
    (1, "status", "success"),
    (1, "input", {"v": 1.0}),
    (1, "input", {"v": True}),
    (1, "input", {}),
    (1, "input", None),
    (1, "state", {"total": 2}),
    (1, "result", {"v": 8}),
    (1, "run_error", "it broke"),
    (1, "new_run", False),
    (1, "suspended", []),
    (1, "suspended", ["w", "w"]),
    (1, "absent_steps", ["z", "a"]),
    (1, "definition_changed", True),
    (1, "steps/z", {"status": "success"}),
    (1, "steps/a/status", "failed"),
    (1, "steps/a/input", {"v": 2}),
    (1, "steps/a/output", None),
    (1, "steps/a/error", "it broke"),
    (1, "steps/a/attempts", 2),
    (1, "steps/a/reused", True),
    (1, "steps/w/suspend_payload", {"ask": 3}),
    (1, "steps/w/resume_data", None),
    (1, "steps/w/output", None),
    (1, "executed_any_order", ["a", "p", "w"]),
    (1, "executed_any_order", ["a", "p", "q", "w", "z"]),
    (1, "executed_any_order", ["a", "p", "q", {"step": "w", "attempt": 2}]),
    (1, "executed_any_order", ["a", "p", "q", {"step": "w", "resume_data": None}]),
    (1, "executions/a", 2),
    (1, "sequence_from", 2),
    (1, "events", []),
    (1, "events/1/input", {"v": 2}),
    (1, "events/1/attempt", 2),
    (1, "events/2", "step_completed:p"),
    (1, "events/3", ["step_started:p", "step_completed:p", "step_started:q"]),
    (1, "events/3/0", "step_started:q"),
    (1, "events/8", "run_completed"),
    (1, "events_include/1", "step_completed:z"),
    (1, "events_include", ["step_completed:m", "run_started"]),
    (1, "events_include/2/payload", {"ask": 3}),
    (2, "result", {"v": 8.0}),
    (2, "result", None),
    (2, "same_run", "r1"),
    (2, "unchanged", ["$r1"]),
    (2, "executed", ["z", "w"]),
    (2, "executed", ["w"]),
    (2, "executed/0/input", {"v": 3}),
    (2, "executed/0/resume_data", None),
    (2, "executed/0/attempt", 1),
    (2, "steps/w/resume_data", {"add": 6}),
    (2, "error", {"code": "FAILED_PRECONDITION", "reason": "RUN_FINISHED"}),
    (3, "steps/a/reused", False),
    (3, "lineage/source", None),
    (3, "lineage/root", "$r2"),
    (3, "lineage/depth", 2),
    (3, "lineage/step", "w"),
    (3, "lineage/overrides", []),
    (4, "lineage/source", "$r2"),
    (4, "lineage/replays", []),
    (5, "run_error", "it did not"),
    (5, "run_error", None),
    (5, "steps/b/error", "it did not"),
    (5, "steps/b/error", None),
    (6, "error/code", "INVALID_ARGUMENT"),
    (6, "error/reason", "RUN_NOT_FOUND"),
    (6, "error/metadata/step", "z"),
    (6, "error", None),
    (7, "succeed", 2),
    (7, "fail_with/0/reason", "NOT_SUSPENDED"),
    (7, "executed", ["z", "z"]),
    (8, "runs", ["$r2", "$r4"]),
    (8, "runs", ["$r4"]),
    (9, "error/reason", "RUN_ACTIVE"),
]

WHOLE: dict[str, Any] = json.loads(EVERY_KEY.read_bytes())


def write(folder: Path, name: str, scenario: Mapping[str, Any]) -> Path:
    file = folder / f"{name}.json"
    file.write_text(json.dumps({**scenario, "id": name}))
    return file


def planted(number: int, path: str, wrong: Any) -> dict[str, Any]:
    """
    The scenario as far as that call, with something wrong in it; None for a whole key removes it.
    """
    scenario = copy.deepcopy(WHOLE)
    del scenario["calls"][number:]
    *way, last = path.split("/")
    place = scenario["calls"][number - 1]["expect"]
    for part in way:
        place = place[int(part)] if isinstance(place, list) else place.setdefault(part, {})
    if path == "error" and wrong is None:
        del place[last]
    elif isinstance(place, list):
        place[int(last)] = wrong
    else:
        place[last] = wrong
    return scenario


@pytest.fixture(scope="module")
async def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    folder = tmp_path_factory.mktemp("planted")
    files = [write(folder, f"{index:03}", planted(*wrong)) for index, wrong in enumerate(WRONG)]
    return [outcome async for outcome in runner.run_all(files, jobs=3)]


def test_something_wrong_is_planted_for_every_key() -> None:
    assert {path.split("/")[0] for _, path, _ in WRONG} == EXPECTATIONS


@pytest.mark.timeout(120)
@pytest.mark.parametrize("index", range(len(WRONG)), ids=[f"{n}-{path}" for n, path, _ in WRONG])
def test_a_wrong_expectation_fails_and_is_named(outcomes: list[Outcome], index: int) -> None:
    number, path, wrong = WRONG[index]
    outcome = outcomes[index]
    assert outcome.verdict == "FAIL"
    key = "refused" if (path, wrong) == ("error", None) else path.split("/")[0]
    assert re.search(rf"^call {number} \w+( \(\w+\))?: {key}\b", outcome.detail), outcome.detail


@pytest.mark.parametrize("file", sorted(SELFTEST.iterdir()), ids=lambda file: file.stem)
async def test_a_scenario_that_holds_is_ok(file: Path) -> None:
    assert await runner.run_one(file) == Outcome(file.stem, "ok")


async def test_a_call_that_hangs_fails_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(play, "CALL_S", 0.3)
    calls = [{"call": "wait_entered", "step": "z"}]
    outcome = await runner.run_one(write(tmp_path, "hangs", {**WHOLE, "calls": calls}))
    assert (outcome.verdict, outcome.detail) == ("FAIL", "call 1 wait_entered: not done in 0 s")


async def test_a_definition_that_is_not_refused_although_it_should_be_fails(
    tmp_path: Path,
) -> None:
    scenario = json.loads((SELFTEST / "refused-definition.json").read_bytes())
    scenario["workflows"]["empty"] = scenario["workflows"]["main"]
    outcome = await runner.run_one(write(tmp_path, "taken", scenario))
    assert outcome.verdict == "FAIL"
    assert outcome.detail.startswith("call 1 rebuild: error: ")


async def test_a_definition_that_is_refused_although_it_should_not_be_fails(
    tmp_path: Path,
) -> None:
    scenario = json.loads((SELFTEST / "refused-definition.json").read_bytes())
    del scenario["calls"][0]["expect"]
    outcome = await runner.run_one(write(tmp_path, "refused", scenario))
    assert outcome.verdict == "FAIL"
    assert "has no nodes" in outcome.detail


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"calls": [{"call": "dance"}]},
        {"calls": [{"call": "get", "run_id": "r", "expect": {"statuss": "success"}}]},
        {"calls": [{"expect": {}}]},
    ],
)
async def test_what_the_runner_does_not_know_fails(tmp_path: Path, change: dict[str, Any]) -> None:
    outcome = await runner.run_one(write(tmp_path, "malformed", {**WHOLE, **change}))
    assert outcome.verdict == "FAIL"
    assert outcome.detail.startswith("malformed: ")


async def test_text_that_is_not_json_fails(tmp_path: Path) -> None:
    file = tmp_path / "no.json"
    file.write_text('{"format": NaN}')
    outcome = await runner.run_one(file)
    assert str(outcome) == "FAIL no: malformed: not JSON: NaN is not JSON"


async def test_what_the_api_does_not_have_is_skipped_and_named(tmp_path: Path) -> None:
    calls = [{"call": "get", "run_id": "r", "colour": "red"}]
    outcome = await runner.run_one(write(tmp_path, "skipped", {**WHOLE, "calls": calls}))
    assert str(outcome) == "skip skipped: needs GetRun.colour"


@pytest.mark.parametrize(("status", "code"), [("success", 0), ("failed", 1)])
def test_the_exit_code_says_whether_one_failed(tmp_path: Path, status: str, code: int) -> None:
    call = {"call": "run", "input_data": {"v": 1}, "per_step": True}
    call["expect"] = {"status": "paused" if status == "success" else status}
    write(tmp_path, "one", {**WHOLE, "calls": [call]})
    done = subprocess.run(
        [sys.executable, "-m", "tests.conformance", str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    last = [f"{1 - code} passed, {code} failed, 0 skipped"]
    assert done.stdout.splitlines()[-1:] == last, done.stderr
    assert done.returncode == code


@pytest.mark.parametrize(
    ("verdict", "listed", "shown"),
    [
        ("FAIL", True, "skip"),
        ("ok", True, "FAIL"),
        ("skip", True, "skip"),
        ("FAIL", False, "FAIL"),
        ("ok", False, "ok"),
    ],
)
def test_a_disputed_scenario_must_not_hold(
    verdict: runner.Verdict, listed: bool, shown: runner.Verdict
) -> None:
    disputed = {"one" if listed else "other": "it contradicts the page"}
    assert disputing(Outcome("one", verdict), disputed).verdict == shown
