"""
The verbs that stop runs, let dead ones go on, delete them, and take a backup.
"""

from pathlib import Path
from typing import Any

from dalsegno.client import decode, encode
from dalsegno.client.backup import Backup, save
from dalsegno.client.connection import Method
from dalsegno.client.errors import RunActive, RunNotFound
from dalsegno.client.model import OutputOptions, Restarted, Run
from dalsegno.client.reads import Reads
from dalsegno.v1 import run_service_pb2


class Controls(Reads):
    """
    Calls about a run as a whole. Every call may raise `DalsegnoError`.
    """

    async def cancel(
        self,
        run_id: str,
        *,
        reason: str = "",
        request_id: str | None = None,
        output: OutputOptions | None = None,
    ) -> Run:
        """
        End a run as canceled; the run. One that is canceled already is answered as it is.
        """
        request = run_service_pb2.CancelRequest(
            run_id=run_id,
            reason=reason,
            request_id=encode.request_id(request_id),
            output=encode.output(output),
        )
        return await self._change(self._connection.calls.runs.Cancel, request, self._timeout_s)

    async def pause(
        self,
        run_id: str,
        *,
        reason: str = "",
        request_id: str | None = None,
        output: OutputOptions | None = None,
    ) -> Run:
        """
        Ask a run to stop between two steps; the run as it is, maybe still running.

        `wait_run` tells when it has stopped, `resume` lets it go on.
        """
        request = run_service_pb2.PauseRequest(
            run_id=run_id,
            reason=reason,
            request_id=encode.request_id(request_id),
            output=encode.output(output),
        )
        return await self._change(self._connection.calls.runs.Pause, request, self._timeout_s)

    async def restart(
        self, run_id: str, *, output: OutputOptions | None = None, timeout_s: float | None = None
    ) -> Run:
        """
        Let a run go on whose server died; the run at rest.

        Servers do this by themselves; the call asks for it now.
        """
        request = run_service_pb2.RestartRequest(run_id=run_id, output=encode.output(output))
        method = self._connection.calls.runs.Restart
        answer = await self._connection.settle(
            method, request, timeout_s=timeout_s, settled_by=RunActive
        )
        if answer is None:
            return await self.wait_run(run_id, output=output, timeout_s=timeout_s)
        return decode.run(answer.run)

    async def restart_active(self, *, workflow_id: str | None = None) -> Restarted:
        """
        Restart every run that a dead server left unfinished, or those of one workflow.
        """
        request = run_service_pb2.RestartActiveRequest(workflow_id=workflow_id)
        answer = await self._ask(self._connection.calls.runs.RestartActive, request)
        return decode.restarted(answer)

    async def delete_run(self, run_id: str) -> None:
        """
        Delete a run with its records and events.

        Raises:
            RunActive: It is pending, running or waiting.
            RunHasReplays: Replays share its history.
        """
        request = run_service_pb2.DeleteRunRequest(run_id=run_id)
        method = self._connection.calls.runs.DeleteRun
        await self._connection.settle(
            method, request, timeout_s=self._timeout_s, settled_by=RunNotFound
        )

    async def backup(self, path: str | Path, *, overwrite: bool = False) -> Backup:
        """
        Copy the server's database into a file, while the server goes on.

        It has everything that was acknowledged before. A server that is started with it goes on
        with its runs.

        Args:
            path: The file, there only when it is whole and on disk. Only this user may read it.
            overwrite: Replace a file that is there.

        Raises:
            BackupActive: The server is making another one.
            BackupNoSpace: The server has no space for a copy.
            CorruptStore: The server's database is damaged.
            IncompleteBackup: The server went away, or something was lost on the way.
            OSError: The file cannot be written, or, as FileExistsError, is there. What was there
                is as it was.
        """
        return await save(self._connection, Path(path), overwrite=overwrite)

    async def _change(self, method: Method[Any], request: Any, timeout_s: float | None) -> Run:
        answer = await self._connection.call(method, request, timeout_s=timeout_s)
        return decode.run(answer.run)
