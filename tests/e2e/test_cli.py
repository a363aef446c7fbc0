"""
The command line as a script sees it: what goes to stdout and stderr, and the exit code.
"""

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.e2e.service import DALSEGNO, ROOT, Ended, Service, dalsegno

GOOD = '{"bows": 2, "card": "visa"}'
BAD = '{"bows": 2, "card": "vsia"}'

Cli = Callable[..., Ended]


def test_run_prints_the_result_and_tells_the_rest_on_stderr(cli: Cli) -> None:
    done = cli("run", "checkout", "--input", GOOD, "--run-id", "good")

    assert (done.code, json.loads(done.out)) == (0, "paid 19000, thank you")
    assert "step_completed  charge" in done.err
    assert "run good: success" in done.err


def test_run_reads_its_input_from_a_file_and_from_stdin(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "cart.json").write_text(GOOD)

    assert cli("run", "checkout", "--input", f"@{tmp_path / 'cart.json'}").code == 0
    assert cli("run", "checkout", "--input", "-", stdin=GOOD).code == 0


def test_a_failed_run_exits_3_and_says_how_to_travel_back(cli: Cli) -> None:
    done = cli("run", "checkout", "--input", BAD, "--run-id", "bad")

    assert (done.code, done.out) == (3, "")
    assert "failed: ValueError: no such card: vsia" in done.err
    assert "dalsegno travel bad charge" in done.err


def test_travel_executes_from_a_step_with_other_input(cli: Cli) -> None:
    cli("run", "checkout", "--input", BAD, "--run-id", "source")

    bill = '{"cents": 7, "card": "visa"}'
    done = cli("travel", "source", "charge", "--input", bill, "--new-run-id", "replay")
    given = cli("travel", "source", "charge", "--context", f"price={bill}")

    assert (done.code, done.out) == (0, '"paid 7, thank you"\n')
    assert "price  success, reused from source" in done.err
    assert (given.code, given.out) == (0, '"paid 7, thank you"\n')


def test_travel_needs_no_source_if_the_target_gets_what_it_needs(cli: Cli) -> None:
    bill = '{"cents": 7, "card": "visa"}'
    done = cli("travel", "-", "charge", "--workflow", "checkout", "--input", bill)

    assert (done.code, done.out) == (0, '"paid 7, thank you"\n')


def test_a_suspended_run_exits_4_and_is_resumed(cli: Cli) -> None:
    asked = cli("run", "asking", "--input", "5", "--run-id", "asked")
    assert asked.code == 4
    assert 'approve (boss) asks: {"question": "ship it?", "of": 5}' in asked.err
    assert "dalsegno resume asked --step approve --data JSON" in asked.err

    done = cli("resume", "asked", "--label", "boss", "--data", "true")
    assert (done.code, done.out) == (0, "5\n")


def test_a_paused_run_exits_5_and_goes_on_without_data(cli: Cli) -> None:
    paused = cli("run", "checkout", "--input", GOOD, "--run-id", "paused", "--per-step")
    assert paused.code == 5
    assert "dalsegno resume paused" in paused.err

    assert cli("resume", "paused").code == 0


def test_a_canceled_run_exits_6_for_whoever_watches_it(cli: Cli, tmp_path: Path) -> None:
    gate = json.dumps(str(tmp_path / "gate"))
    started = cli("run", "gated", "--input", gate, "--run-id", "canceled", "--detach")
    assert (started.code, started.out) == (0, "canceled\n")

    assert cli("cancel", "canceled", "--reason", "a test").code == 0

    watched = cli("watch", "canceled")
    assert watched.code == 6
    assert "run_canceled    a test" in watched.out


def test_a_run_is_paused_between_two_steps(cli: Cli, tmp_path: Path) -> None:
    gate = json.dumps(str(tmp_path / "gate"))
    cli("run", "gated", "--input", gate, "--run-id", "to-pause", "--detach")

    asked = cli("pause", "to-pause", "--reason", "lunch")
    (tmp_path / "gate").touch()
    watched = cli("watch", "to-pause")

    assert asked.code == 0
    assert watched.code == 5
    assert "run_paused      before echo lunch" in watched.out


def test_a_run_is_deleted_after_its_replays(cli: Cli) -> None:
    cli("run", "checkout", "--input", GOOD, "--run-id", "kept")
    cli("travel", "kept", "charge", "--new-run-id", "copy")

    refused = cli("delete", "kept")
    assert refused.code == 1
    assert "replays depend on run 'kept': copy" in refused.err

    assert cli("delete", "copy").code == 0
    assert cli("delete", "kept", "--json").document == {"deleted": "kept"}
    assert cli("show", "kept").code == 1


def test_restart_answers_with_a_run_that_has_ended(cli: Cli) -> None:
    cli("run", "checkout", "--input", BAD, "--run-id", "ended")

    assert cli("restart", "ended").code == 3
    assert cli("restart", "--active", "--workflow", "checkout").out == ""
    assert cli("restart").code == 2


def test_watch_prints_a_line_per_event_after_the_one_given(cli: Cli) -> None:
    cli("run", "checkout", "--input", GOOD, "--run-id", "watched")

    lines = cli("watch", "watched", "--after", "6").out.splitlines()

    assert [line.split()[0] for line in lines] == ["7", "8"]
    assert "run_completed" in lines[-1]


def test_watch_in_json_prints_an_event_per_line(cli: Cli) -> None:
    cli("run", "checkout", "--input", GOOD, "--run-id", "lines")

    done = cli("watch", "lines", "--json")

    assert done.code == 0
    assert [event["sequence"] for event in done.lines] == list(range(1, 9))
    assert done.lines[2]["output"] == {"cents": 19000, "card": "visa"}
    assert "resume_data" not in done.lines[1]
    assert done.lines[-1]["type"] == "run_completed"


def test_follow_stays_across_a_suspension(service: Service) -> None:
    """
    The method: the suspension is answered by another process, when the first has told of it.
    """
    command = [str(DALSEGNO), "run", "asking", "--input", "5", "--run-id", "followed", "--json"]
    with subprocess.Popen(
        [*command, "--follow", "--server", service.address],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        types = []
        for line in process.stdout:
            types.append(json.loads(line)["type"])
            if types[-1] == "run_suspended":
                answer = ["--data", "true", "--server", service.address]
                assert dalsegno("resume", "followed", *answer).code == 0

    assert process.returncode == 0
    assert types[-1] == "run_completed"


def test_ctrl_c_leaves_the_run_going_on_and_says_so(service: Service, tmp_path: Path) -> None:
    gate = json.dumps(str(tmp_path / "gate"))
    command = [str(DALSEGNO), "run", "gated", "--input", gate, "--run-id", "left"]
    with subprocess.Popen(
        [*command, "--server", service.address], stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stderr is not None
        assert "run_started" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()

    assert process.returncode == 130
    assert "the run goes on; watch it with: dalsegno watch left --after" in rest
    assert "Traceback" not in rest
    (tmp_path / "gate").touch()
    assert dalsegno("watch", "left", server=service.address).code == 0


def test_run_in_json_prints_the_run(cli: Cli) -> None:
    done = cli("run", "checkout", "--input", BAD, "--json")

    run = done.document
    assert (done.code, run["status"], run["error"]["message"]) == (
        3,
        "failed",
        "no such card: vsia",
    )
    assert "result" not in run
    assert list(run["steps"]) == ["price", "charge"]
    assert done.err == ""


def test_numbers_are_exact_from_the_command_line_and_back(cli: Cli) -> None:
    number = 2**70 + 1
    cli("run", "asking", "--input", number, "--run-id", "exact")

    assert cli("resume", "exact", "--data", "true").out == f"{number}\n"


def test_show_tells_of_the_run_and_its_steps(cli: Cli) -> None:
    cli("run", "checkout", "--input", BAD, "--run-id", "shown")
    cli(
        "travel",
        "shown",
        "charge",
        "--context",
        'price={"cents":7,"card":"visa"}',
        "--new-run-id",
        "again",
    )

    shown = cli("show", "shown").out
    again = cli("show", "again", "--events", "--state").out
    full = cli("show", "shown", "--steps").out

    assert "ValueError: no such card: vsia" in shown
    assert any(line.split()[1:3] == ["price", "success"] for line in shown.splitlines())
    assert "replay of shown from charge, with other context" in again
    assert "given" in again
    assert "run_completed" in again
    assert "state" in again
    assert '"cents": 19000' in full


def test_show_in_json_has_what_was_asked_for(cli: Cli) -> None:
    cli("run", "checkout", "--input", GOOD, "--run-id", "document")

    plain = cli("show", "document", "--json").document
    whole = cli("show", "document", "--json", "--events", "--state").document

    assert plain["steps"]["charge"]["output"] == "paid 19000"
    assert not {"events", "state", "error"} & plain.keys()
    assert (len(whole["events"]), whole["state"]) == (8, {})


def test_list_finds_runs_by_workflow_status_and_source(cli: Cli) -> None:
    cli("run", "echoes", "--input", "[1,2]", "--run-id", "array")
    cli("travel", "array", "echo[1]", "--new-run-id", "item")
    cli("run", "echoes", "--input", "7", "--run-id", "number")

    def listed(*options: str) -> list[str]:
        document = cli("list", "--workflow", "echoes", "--json", *options).document
        return [run["run_id"] for run in document["runs"]]

    assert listed() == ["number", "item", "array"]
    assert listed("--status", "failed", "--status", "canceled") == ["number"]
    assert listed("--source", "array") == ["item"]
    assert listed("--root", "array") == ["item", "array"]
    assert listed("--limit", "1") == ["number"]
    assert listed("--until", "2026-01-01") == []
    assert "array from echo[1]" in cli("list", "--workflow", "echoes").out


def test_lineage_is_a_tree(cli: Cli) -> None:
    cli("run", "checkout", "--input", BAD, "--run-id", "root")
    cli("travel", "root", "charge", "--new-run-id", "child")
    cli("travel", "child", "price", "--new-run-id", "grandchild")

    tree = cli("lineage", "child")
    runs = cli("lineage", "child", "--json").document["runs"]

    assert [run["run_id"] for run in runs] == ["root", "child", "grandchild"]
    lines = tree.out.splitlines()
    assert lines[0].startswith("root")
    assert "child  failed  from charge  ← this run" in lines[1]
    assert "grandchild  failed  from price" in lines[2]


def test_workflows_are_listed_and_shown_with_their_graph(cli: Cli) -> None:
    assert "Price a cart and charge a card." in cli("workflows").out
    assert "checkout" in [
        item["workflow_id"] for item in cli("workflows", "--json").document["workflows"]
    ]

    shown = cli("workflows", "asking_twice").out
    assert "approve_too" in shown
    assert "resumed with boolean" in shown
    assert cli("workflows", "checkout", "--json").document["nodes"][0]["address"] == "price"


def test_config_prints_every_setting_with_its_value_here() -> None:
    settings = dalsegno("config", "--json").document["settings"]

    assert {"listen", "db", "heartbeat_s"} <= {setting["name"] for setting in settings}
    assert "DALSEGNO_LISTEN=127.0.0.1:7070" in dalsegno("config").out


def test_requests_can_be_repeated_safely(cli: Cli) -> None:
    first = cli("run", "checkout", "--input", GOOD, "--request-id", "q-1", "--json").document
    again = cli("run", "checkout", "--input", GOOD, "--request-id", "q-1", "--json").document

    assert again["run_id"] == first["run_id"]
