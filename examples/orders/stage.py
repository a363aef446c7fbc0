"""
What the demo stands on: a real server, and commands as a user would type them.
"""

import asyncio
import contextlib
import fcntl
import os
import shlex
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

PREFERRED_PORT = 7070  # where clients look unless told otherwise

_BIN = Path(os.path.relpath(Path(sys.executable).parent))
_START_S = 30.0  # a start takes about a second; this bounds a hang
_STOP_S = 20.0  # twice the grace that a stopping server gives its step bodies


class DemoFailed(Exception):
    """
    Something was not as the demo tells it; the message is the sentence to say.
    """


@contextlib.contextmanager
def fresh_folder(folder: Path) -> Iterator[None]:
    """
    Empty the folder of an earlier demo, and keep other demos out while this one is on.

    Raises:
        DemoFailed: Another demo is on.
    """
    folder.mkdir(exist_ok=True)
    with (folder / "demo.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DemoFailed(f"another demo is using {folder}; stop that one first") from None
        for path in folder.iterdir():
            if path.name != "demo.lock":
                path.unlink()
        yield


def free_port() -> int:
    """
    The preferred port, or another one if that is busy.
    """
    for port in (PREFERRED_PORT, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise DemoFailed("this machine has no free port")


class Shell:
    """
    Shows commands and what they print.

    Attributes:
        address: The server that `dalsegno` commands are about.
    """

    def __init__(self, console: Console, address: str) -> None:
        self.console = console
        self.address = address
        self._env = {**os.environ, "DALSEGNO_SERVER": address}

    def say(self, text: str) -> None:
        self.console.print()
        self.console.print(Text(f"# {text}", style="bold cyan"))

    def show(self, command: str) -> None:
        """
        Show a command as it can be copied into a shell.
        """
        self.console.print(Text(f"$ {typed(command)}", style="bold"), soft_wrap=True)

    async def run(self, command: str, *, expect: int = 0) -> None:
        """
        Type a command and show what it prints.

        Raises:
            DemoFailed: It ends with another exit code.
        """
        self.console.print()
        self.show(command)
        process = await asyncio.create_subprocess_exec(*words(command), env=self._env)
        self._check(command, await process.wait(), expect)

    @contextlib.asynccontextmanager
    async def running(self, command: str, *, expect: int = 0) -> AsyncIterator["Output"]:
        """
        Type a command that goes on while others are typed; it has ended when the block is left.

        Raises:
            DemoFailed: It ends with another exit code.
        """
        self.console.print()
        self.show(command)
        process = await asyncio.create_subprocess_exec(
            *words(command),
            env=self._env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert process.stdout is not None
        output = Output(self.console, process.stdout)
        try:
            yield output
            await output.show_until(None)
            self._check(command, await process.wait(), expect)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    def _check(self, command: str, code: int, expected: int) -> None:
        if code != expected:
            raise DemoFailed(f"`{typed(command)}` ended with exit code {code}, not {expected}")


class Output:
    """
    What a command that goes on has printed, line by line.
    """

    def __init__(self, console: Console, stream: asyncio.StreamReader) -> None:
        self._console = console
        self._stream = stream

    async def show_until(self, word: str | None) -> None:
        """
        Show lines up to the first that has a word in it, or all.

        Raises:
            DemoFailed: There is no such line.
        """
        while line := (await self._stream.readline()).decode():
            self._console.print(_marked(line.rstrip("\n")), soft_wrap=True)
            if word is not None and word in line:
                return
        if word is not None:
            raise DemoFailed(f"the stream ended without {word!r}")


@contextlib.asynccontextmanager
async def serving(workflows: str, folder: Path, port: int) -> AsyncIterator[str]:
    """
    A server in a process of its own, at the address given, until the block is left.

    Raises:
        DemoFailed: It does not start, or does not stop in good order.
    """
    command = f"dalsegno serve --workflows {workflows} --db {folder / 'orders.db'}"
    address = f"127.0.0.1:{port}"
    log = folder / "server.log"
    with log.open("w") as file:
        process = await asyncio.create_subprocess_exec(
            *words(f"{command} --listen {address}"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=file,
            # A Ctrl-C in the terminal is for the demo, which then stops the server.
            start_new_session=True,
        )
    try:
        await _ready(process, log)
        yield address
    finally:
        if process.returncode is None:
            process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _STOP_S)
        if process.returncode is None:
            process.kill()
    if process.returncode != 0:
        raise DemoFailed(f"the server did not stop in good order; see {log}")


async def _ready(process: asyncio.subprocess.Process, log: Path) -> None:
    """
    Return once the server says that it answers calls: the only line it prints.
    """
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), _START_S)
    except TimeoutError:
        raise DemoFailed(f"the server does not get ready; see {log}") from None
    if not line:
        await process.wait()
        raise DemoFailed(f"the server did not start: {_last_line(log)}")


def _last_line(log: Path) -> str:
    lines = log.read_text().splitlines()
    return lines[-1] if lines else "it said nothing"


def _marked(line: str) -> Text:
    """
    A line of a stream in the colours of what it tells.
    """
    text = Text(line)
    text.highlight_regex(r"(run|step)_completed", "green")
    text.highlight_regex(r"(run|step)_(retrying|waiting|suspended)", "yellow")
    text.highlight_regex(r"(run|step)_failed", "red")
    text.highlight_regex(r"reused from .*", "dim")
    return Text.assemble(("│ ", "dim"), text)


def words(command: str) -> list[str]:
    """
    What to execute for a command.

    Raises:
        DemoFailed: The program is not installed here.
    """
    name, *arguments = shlex.split(command)
    path = shutil.which(name, path=f"{_BIN}{os.pathsep}{os.environ.get('PATH', '')}")
    if path is None:
        raise DemoFailed(f"there is no {name}; `make setup` installs it")
    return [path, *arguments]


def typed(command: str) -> str:
    """
    The command as it can be copied into a shell.
    """
    name = command.split(maxsplit=1)[0]
    return command.replace(name, str(_BIN / name), 1) if (_BIN / name).exists() else command
