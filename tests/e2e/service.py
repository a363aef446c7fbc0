"""
A real server in a process of its own, and the command line in others.
"""

import json
import os
import signal
import subprocess
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.addresses import lasting_address

DALSEGNO = Path(sysconfig.get_path("scripts")) / "dalsegno"
ROOT = Path(__file__).parents[2]


@dataclass
class Service:
    """
    A server over one database, which can die and come back at the same address.

    It gives bodies little time when it stops, and must never have logged an error by then.
    """

    db: Path
    workflows: str = "tests.e2e.workflows"
    address: str = field(default_factory=lasting_address)
    options: tuple[str, ...] = ()
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def start(self) -> None:
        command = [str(DALSEGNO), "serve", "--workflows", self.workflows, "--db", str(self.db)]
        options = ["--listen", self.address, "--set", "log_level=error", *self.options]
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                [*command, *options, "--set", "stop_grace_s=0.2", "--json"],
                stderr=log,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                env=environment(),
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.kill()
            raise AssertionError(f"the server did not start: {self._log.read_text()}")
        self.address = json.loads(line)["address"]

    def kill(self) -> None:
        """
        End it as a power cut does.
        """
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """
        Ask it to stop; its exit code.
        """
        code = self._end(signal.SIGTERM)
        log = self._log.read_text()
        assert "[error" not in log, log  # gRPC's own lines, of strangers' handshakes, are none
        return code

    @property
    def _log(self) -> Path:
        return self.db.with_suffix(".log")

    def _end(self, number: signal.Signals) -> int:
        assert self.process is not None
        assert self.process.stdout is not None
        self.process.send_signal(number)
        code = self.process.wait(timeout=20)
        self.process.stdout.close()
        self.process = None
        return code


@dataclass(frozen=True)
class Ended:
    """
    What a command did.
    """

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """
        The JSON on stdout.
        """
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """
        The JSON on each line of stdout.
        """
        return [json.loads(line) for line in self.out.splitlines()]


def dalsegno(*args: object, server: str = "", stdin: str = "", cwd: Path = ROOT) -> Ended:
    """
    Execute one command line.
    """
    done = subprocess.run(
        [str(DALSEGNO), *map(str, args)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=cwd,
        env=environment(DALSEGNO_SERVER=server) if server else environment(),
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Ended(done.returncode, done.stdout, done.stderr)


def environment(**extra: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("DALSEGNO_")}
    return {**ours, "PYTHONPATH": str(ROOT), **extra}
