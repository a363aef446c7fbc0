"""
Pages that show what is typed into a shell, and what comes of it.

    ```console
    $ a command, which may have
        several lines
    what it prints
    ```

All commands of a page are typed into one shell, so they may use what earlier ones left.
"""

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_END = "\x1e"  # after the output of each command; nothing prints it


@dataclass(frozen=True)
class Typed:
    """
    One command and what the page says it prints, on stdout and stderr.
    """

    line: int
    command: str
    output: str


def typed(page: Path) -> list[Typed]:
    """
    The commands of a page, in order.
    """
    lines = page.read_text().splitlines()
    found = []
    for start, end in _blocks(lines):
        number = start
        while number < end:
            assert lines[number].startswith("$ "), f"{page.name}:{number + 1} is no command"
            after = _end_of_command(lines, number, end)
            command = "\n".join(lines[number:after]).removeprefix("$ ")
            output = after
            while output < end and not lines[output].startswith("$ "):
                output += 1
            found.append(Typed(number + 1, command, "\n".join(lines[after:output])))
            number = output
    return found


def printed(
    commands: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout_s: float
) -> list[str]:
    """
    What each command prints when all are typed into one shell, without the last line's end.
    """
    # The exit code of a command is there for the next one, as it is for somebody who types.
    ends = f"code=$?; printf '{_END}'; (exit $code)"
    script = "\n".join(f"{command}\n{ends}" for command in commands)
    shell = subprocess.run(
        ["bash", "-c", script],
        cwd=cwd,
        env=env,
        timeout=timeout_s,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return [output.removesuffix("\n") for output in shell.stdout.split(_END)[:-1]]


def _blocks(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """
    Index of the first line of each block, and of the line that ends it.
    """
    start: int | None = None
    for index, line in enumerate(lines):
        if line == "```console":
            start = index + 1
        elif line == "```" and start is not None:
            yield start, index
            start = None


def _end_of_command(lines: Sequence[str], start: int, end: int) -> int:
    """
    Index of the line after a command: the first at which a shell takes it for complete.
    """
    for after in range(start + 1, end + 1):
        text = "\n".join(lines[start:after]).removeprefix("$ ")
        check = subprocess.run(["bash", "-n", "-c", text], check=False, capture_output=True)
        if check.returncode == 0 and not re.search(r"\\$", text):
            return after
    raise AssertionError(f"line {start + 1} begins a command that has no end")
