"""
What a person sees: progress in a terminal.
"""

import os
import pty
import re
import subprocess

from tests.e2e.service import DALSEGNO, ROOT, Service


def test_a_terminal_shows_a_line_per_step_that_changes_as_it_goes_on(service: Service) -> None:
    args = ["run", "checkout", "--input", '{"bows": 1, "card": "no"}', "--run-id", "seen"]
    screen = in_terminal(service, *args)

    last = lines_of(screen)
    rows = [line.split()[1] for line in last if line.startswith(("✔", "✘"))]
    assert rows[-2:] == ["price", "charge"]
    assert any("ValueError: no such card: no" in line for line in last)
    assert "\x1b[" in screen


def test_a_terminal_shows_what_a_replay_reuses(service: Service) -> None:
    in_terminal(
        service, "run", "checkout", "--input", '{"bows": 1, "card": "x"}', "--run-id", "src"
    )

    screen = in_terminal(service, "travel", "src", "charge")

    assert any("price" in line and "reused from src" in line for line in lines_of(screen))


def test_brackets_in_what_users_say_are_shown_as_they_are(service: Service) -> None:
    value = '{"bows": 1, "card": "[red]a[/red]"}'
    screen = in_terminal(service, "run", "checkout", "--input", value)

    assert any("no such card: [red]a[/red]" in line for line in lines_of(screen))


def in_terminal(service: Service, *args: str) -> str:
    """
    All that a command writes to a terminal of 100 x 30.
    """
    ours, theirs = pty.openpty()
    environment = {"COLUMNS": "100", "LINES": "30", "TERM": "xterm-256color"}
    with subprocess.Popen(
        [str(DALSEGNO), *args, "--server", service.address],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env={**os.environ, **environment, "PYTHONIOENCODING": "utf-8"},
    ):
        os.close(theirs)
        screen = bytearray()
        try:
            while chunk := os.read(ours, 4096):
                screen += chunk
        except OSError:
            pass  # how a terminal says that everybody has left it
        os.close(ours)
    return screen.decode()


def lines_of(screen: str) -> list[str]:
    return [line.strip() for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen).splitlines()]
