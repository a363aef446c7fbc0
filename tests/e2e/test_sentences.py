"""
What the command line says when it cannot do what was asked: one sentence, and an exit code.
"""

import json
import socket
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.e2e.service import Ended, Service, dalsegno

Cli = Callable[..., Ended]

GOOD = '{"bows": 2, "card": "visa"}'
TOO_LARGE = json.dumps("x" * (2 * 1024 * 1024))


@pytest.fixture(scope="module")
def _runs(service: Service, tmp_path_factory: pytest.TempPathFactory) -> None:
    gate = json.dumps(str(tmp_path_factory.mktemp("gates") / "never"))
    for run_id, workflow, value in (
        ("done", "checkout", GOOD),
        ("failed", "checkout", '{"bows": 2, "card": "no"}'),
        ("asked", "asking", "1"),
        ("asked-twice", "asking_twice", "1"),
        ("branched", "branching", '{"size": 20}'),
        ("array", "echoes", "[1, 2]"),
    ):
        options = ("--input", value, "--run-id", run_id)
        made = dalsegno("run", workflow, *options, server=service.address)
        assert made.code in {0, 3, 4}, made.err
    dalsegno(
        *("run", "gated", "--input", gate, "--run-id", "active", "--detach"), server=service.address
    )


REFUSED: list[tuple[str, Sequence[str], Sequence[str]]] = [
    ("run chekout", (), ("'chekout' is not registered", "did you mean 'checkout'?")),
    ("run checkout", ("--input", '{"bows": "two"}'), ("input_data", "bows")),
    ("run checkout", ("--input", GOOD, "--run-id", "done"), ("'done' exists already",)),
    ("run checkout", ("--input", GOOD, "--run-id", "a b"), ("run_id",)),
    ("run stateful", ("--state", "[]"), ("initial_state",)),
    ("run asking", ("--request-context", "3"), ("request_context",)),
    ("run asking", ("--input", "[" * 33 + "]" * 33), ("input_data", "32")),
    ("show nope", (), ("'nope' does not exist", "dalsegno list")),
    ("watch done --after 99", (), ("events up to 8, not 99",)),
    ("resume done --data 1", (), ("has ended: success", "dalsegno travel done STEP")),
    ("resume asked --data 3", (), ("resume_data",)),
    ("resume asked", (), ("resume_data",)),
    ("resume asked --step echo --data true", (), ("not suspended at 'echo'",)),
    ("resume asked-twice --data true", (), ("approve, approve_too", "--step or --label")),
    ("cancel done", (), ("has ended: success",)),
    ("travel done chrage", (), ("nothing at 'chrage'", "price, charge", "did you mean 'charge'?")),
    ("travel done charge[", (), ("is not an address",)),
    ("travel array echo[7]", (), ("echo[7]",)),
    ("travel active echo", (), ("'active' is running", "dalsegno watch active")),
    ("travel done charge --workflow asking", (), ("is of workflow 'checkout', not 'asking'",)),
    ("travel failed thank", (), ("'thank' needs records of: charge", "--context")),
    ("travel branched small", (), ("does not hold", "--force")),
    ("travel done charge --resume-data 1", (), ("no suspended step", "--resume-data")),
    ("travel done charge", ("--context", "pirce=1"), ("context", "pirce")),
    ("travel done charge", ("--input", '"no bill"'), ("input_data",)),
]


@pytest.mark.usefixtures("_runs")
@pytest.mark.parametrize(("command", "options", "parts"), REFUSED, ids=[c for c, _, _ in REFUSED])
def test_a_refusal_is_one_helpful_sentence(
    cli: Cli, command: str, options: Sequence[str], parts: Sequence[str]
) -> None:
    done = cli(*command.split(), *options)

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("dalsegno: ")
    assert done.err.count("\n") == 1
    for part in parts:
        assert part in done.err


def test_a_payload_that_is_too_large_is_refused_with_the_limit(cli: Cli) -> None:
    done = cli("run", "asking", "--input", "-", stdin=TOO_LARGE)

    assert done.code == 1
    assert "input_data takes 2097154 bytes; the limit is 2097152" in done.err


def test_a_request_id_is_not_taken_for_another_request(cli: Cli) -> None:
    assert cli("run", "asking", "--input", "1", "--request-id", "taken").code == 4

    done = cli("run", "asking", "--input", "2", "--request-id", "taken")

    assert done.code == 1
    assert "'taken' was used for another request" in done.err


def test_with_json_errors_are_objects(cli: Cli) -> None:
    done = cli("travel", "nope", "charge", "--json")

    error = json.loads(done.err)["error"]
    assert (done.code, done.out) == (1, "")
    assert (error["reason"], error["code"]) == ("RUN_NOT_FOUND", "NOT_FOUND")
    assert error["metadata"] == {"run_id": "nope"}
    assert "dalsegno list" in error["hint"]


@pytest.mark.parametrize(
    ("args", "parts"),
    [
        (["run"], ["WORKFLOW"]),
        (["run", "w", "--inptu", "1"], ["--inptu", "--input"]),
        (["travle"], ["travle", "travel"]),
        (["run", "w", "--input", "{'a': 1}"], ["--input is not JSON"]),
        (["run", "w", "--input", "NaN"], ["JSON has no NaN"]),
        (["run", "w", "--input", "word"], ["""a string needs quotes: '"word"'"""]),
        (
            ["run", "w", "--input", "@/nowhere/x.json"],
            ["cannot read /nowhere/x.json", "No such file"],
        ),
        (["travel", "r", "s", "--context", "price"], ["ADDRESS=JSON"]),
        (["run", "w", "--detach", "--follow"], ["contradict"]),
        (["list", "--status", "done"], ["done", "success"]),
        (["serve", "--workflows", "x", "--set", "db"], ["NAME=VALUE"]),
        (["show", "r", "--tls-ca", "/nowhere/ca.pem"], ["cannot read /nowhere/ca.pem"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_command_line_exits_2(args: list[str], parts: list[str]) -> None:
    plain, in_json = dalsegno(*args), dalsegno(*args, "--json")

    assert (plain.code, in_json.code) == (2, 2)
    for part in parts:
        assert part in plain.err
        assert part in json.loads(in_json.err)["error"]["message"]


def test_a_server_that_is_not_running_exits_7_and_says_how_to_start_it() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"

        done = dalsegno("list", server=address)
        started = dalsegno("run", "checkout", "--json", server=address)

    assert (done.code, done.out) == (7, "")
    assert f"no server answers at {address} (Connection refused" in done.err
    assert "dalsegno serve --workflows MODULE" in done.err
    assert started.code == 7
    assert address in json.loads(started.err)["error"]["message"]


def serve(db: Path, *options: str, workflows: str = "tests.e2e.workflows") -> Ended:
    return dalsegno("serve", "--workflows", workflows, "--db", db, *options)


def test_serve_says_that_its_port_is_taken(service: Service, tmp_path: Path) -> None:
    done = serve(tmp_path / "other.db", "--listen", service.address)

    assert done.code == 1
    assert f"cannot listen on {service.address}: Address already in use" in done.err


def test_serve_says_that_its_database_is_in_use(service: Service) -> None:
    done = serve(service.db, "--listen", "127.0.0.1:0")

    assert done.code == 1
    assert str(service.db) in done.err


def test_serve_says_what_is_wrong_with_its_database(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("This is no database. " * 100)
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()

    assert "no-such-folder" in serve(tmp_path / "no-such-folder" / "x.db").err
    for name in ("text.db", "other.db"):
        done = serve(tmp_path / name, "--listen", "127.0.0.1:0")
        assert done.code == 1
        assert str(tmp_path / name) in done.err


def test_serve_says_what_is_wrong_with_its_settings(tmp_path: Path) -> None:
    db = tmp_path / "x.db"

    assert "HOST:PORT" in serve(db, "--listen", "7070").err
    assert "without TLS" in serve(db, "--listen", "0.0.0.0:0").err
    assert "tls_key" in serve(db, "--tls-cert", "cert.pem").err
    assert "heartbeat_s" in serve(db, "--set", "heartbeat_s=never").err
    assert "no_such" in serve(db, "--set", "no_such=1").err


def test_serve_says_what_is_wrong_with_its_workflows(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("value = 1\nraise RuntimeError('no such table')\n")
    (tmp_path / "empty.py").write_text("")

    def said(workflows: str) -> str:
        args = ("serve", "--workflows", workflows, "--db", tmp_path / "x.db")
        done = dalsegno(*args, cwd=tmp_path)
        assert done.code == 1
        return done.err

    assert "no module 'nowhere'" in said("nowhere")
    assert "RuntimeError: no such table (at broken.py, line 2)" in said("broken")
    assert "has no workflow" in said("empty")
    assert "has no 'name'" in said("empty:name")
