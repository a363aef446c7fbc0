"""
Plays a scenario: makes its calls in order, and compares what they show with what it expects.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import grpc

from dalsegno.model.errors import InvalidDefinition
from dalsegno.v1 import run_pb2
from tests.conformance import requests
from tests.conformance.build import build
from tests.conformance.client import CALL_S, Client, NoAnswer, Snapshot, refusal
from tests.conformance.expect import Refusal, Seen, differences
from tests.conformance.ledger import Entry, Ledger
from tests.conformance.scenario import Call, Malformed, Scenario, has_address
from tests.conformance.server import Server, ServerFailed

SCENARIO_S = 60.0  # the longest takes a few seconds

_POLL_S = 0.005  # short beside what a call takes
_SHOWN_MAX = 3  # differences of one call: the rest follows from these, mostly

_LOG_KEYS = frozenset({"events", "events_include", "sequence_from"})
_WITHOUT_RUN = frozenset(
    {"error", "executed", "executed_any_order", "executions", "unchanged", "runs"}
)


class Failed(Exception):
    """
    Something is not as the scenario expects; the message says which call, and what.
    """


async def play(scenario: Scenario, folder: Path) -> None:
    """
    Play a scenario on a fresh store in the folder.

    Raises:
        Failed: It does not hold.
    """
    stage = _Stage(scenario, folder)
    try:
        async with asyncio.timeout(SCENARIO_S):
            await stage.open()
            for call in scenario.calls:
                await stage.play(call)
    except TimeoutError as error:
        raise Failed(f"the scenario takes more than {SCENARIO_S:.0f} s") from error
    except ServerFailed as error:
        raise Failed(str(error)) from error
    finally:
        await stage.close()


class _Stage:
    """
    A server, the client that calls it, and what the calls made so far have brought.
    """

    _server: Server
    _client: Client

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self._scenario = scenario
        self._folder = folder
        self._ledger = Ledger(folder)
        self._served = scenario.served("main")
        self._is_open = False
        self._names: dict[str, str] = {}
        self._known: set[str] = set()
        self._started: list[run_pb2.Run] = []

    async def open(self) -> None:
        self._server = await Server.start(self._folder, self._served)
        self._client = Client(self._server.address)
        self._is_open = True

    async def close(self) -> None:
        if self._is_open:
            self._is_open = False
            await self._client.close()
            await self._server.kill()

    async def play(self, call: Call) -> None:
        """
        Make a call and compare.

        Raises:
            Failed: Something differs.
        """
        try:
            async with asyncio.timeout(CALL_S):
                await self._play(call)
        except TimeoutError as error:
            raise Failed(f"{call}: not done in {CALL_S:.0f} s") from error
        except NoAnswer as error:
            raise Failed(f"{call}: {error} (server: {self._server.last_word()})") from error
        except grpc.aio.AioRpcError as error:
            raise Failed(f"{call}: looking at it was refused: {refusal(error)}") from error
        except (ServerFailed, Malformed) as error:
            raise Failed(f"{call}: {error}") from error

    async def _play(self, call: Call) -> None:
        before = await self._snapshots(call)
        entered_before = self._ledger.entries()
        if call.kind == "parallel":
            made = await asyncio.gather(*map(self._make, call.inner))
            whole = Seen(inner=[seen.refusal for seen in made])
        else:
            whole, made = await self._make(call), []
        entered = self._ledger.entries()[len(entered_before) :]
        changes = await self._changes(before)
        for part, seen in ((call, whole), *zip(call.inner, made, strict=True)):
            await self._look(part, seen)
            seen.entered_before, seen.entered = entered_before, _of(part, seen, entered)
            seen.changes, seen.earlier_runs = changes, frozenset(self._known)
            self._learn(part, seen)
            self._compare(part, seen, within=call)

    async def _make(self, call: Call) -> Seen:
        """
        Make a call; a refusal is part of what it shows.
        """
        match call.kind:
            case "open_gate":
                self._ledger.open_gate(call.arguments["gate"])
            case "wait_entered":
                step = call.arguments["step"]
                while not self._has_entered(step):  # noqa: ASYNC110 - a server enters it
                    await asyncio.sleep(_POLL_S)
            case "kill":
                await self._client.close()
                await self._server.kill()
                await self.open()
            case "rebuild":
                return await self._rebuild(call.arguments["workflow"])
            case _:
                try:
                    return await self._call(call)
                except grpc.aio.AioRpcError as error:
                    return Seen(refusal=refusal(error))
        return Seen()

    async def _call(self, call: Call) -> Seen:
        arguments = {name: self._run_id(value) for name, value in call.arguments.items()}
        request: Any = requests.request(call, arguments)
        client = self._client
        match call.kind:
            case "run_stream" | "resume_stream" | "time_travel_stream" | "watch":
                log = [event async for event in client.stream(call.kind, request)]
                return Seen(run_id=log[0].run_id if log else request.run_id, log=log)
            case "start_travel":
                async with aclosing(client.stream(call.kind, request)) as stream:
                    event = await anext(stream)
                return Seen(run_id=event.run_id, run=await client.run(event.run_id))
            case "list":
                return Seen(runs=await client.run_ids(request))
            case "lineage":
                return Seen(run_id=request.run_id, run=await self._run_by_tree(request.run_id))
            case "delete":
                await client.unary(call.kind, request)
                return Seen()
            case "wait" if "status" in arguments:
                return await self._wait_for(request.run_id, arguments["status"])
            case _:
                answer = await client.unary(call.kind, request)
                return Seen(run_id=answer.run.run_id, run=answer.run)

    async def _wait_for(self, run_id: str, status: str) -> Seen:
        wanted = run_pb2.RunStatus.Value(f"RUN_STATUS_{status.upper()}")
        while True:
            run = await self._client.run(run_id)
            if run.status == wanted:
                return Seen(run_id=run_id, run=run)
            await asyncio.sleep(_POLL_S)

    async def _run_by_tree(self, run_id: str) -> run_pb2.Run:
        """
        The run with the lineage that the tree of its runs tells.
        """
        tree = await self._client.tree(run_id)
        place = next(run for run in tree if run.run_id == run_id)
        run = await self._client.run(run_id)
        run.lineage.MergeFrom(
            run_pb2.Lineage(
                source_run_id=place.source_run_id,
                root_run_id=tree[0].run_id,
                depth=place.depth,
                step=place.step,
            )
        )
        return run

    async def _rebuild(self, workflow: str) -> Seen:
        definition = self._scenario.workflows[workflow]
        try:
            build("main", definition, self._ledger)
        except InvalidDefinition as error:
            return Seen(refusal=Refusal("INVALID_ARGUMENT", error.reason, {}, str(error)))
        self._served = self._scenario.served(workflow)
        await self._client.close()
        await self._server.stop()
        await self.open()
        return Seen()

    async def _look(self, call: Call, seen: Seen) -> None:
        """
        Get what the expectations need and the call itself has not shown.
        """
        if seen.refusal is not None or not seen.run_id:
            return
        wanted = set(call.expect)
        if seen.log is None and wanted & _LOG_KEYS:
            seen.log = await self._client.events(seen.run_id)
        if seen.run is None and wanted - _LOG_KEYS - _WITHOUT_RUN:
            seen.run = await self._client.run(seen.run_id)
        if "replays" in call.expect.get("lineage", {}):
            tree = await self._client.tree(seen.run_id)
            seen.replays = [run.run_id for run in tree if run.source_run_id == seen.run_id]

    def _compare(self, call: Call, seen: Seen, within: Call) -> None:
        # Of calls made at once some may lose; but to a rule, not to a fault of the server.
        may_lose = call is not within and (
            not call.expect or not within.expect.keys().isdisjoint({"succeed", "fail_with"})
        )
        has_lost = seen.refusal is not None and seen.refusal.reason not in {"", "INTERNAL"}
        if may_lose and has_lost and "error" not in call.expect:
            return
        found = differences(self._with_run_ids(call.expect), seen)
        if found:
            raise Failed(f"{call}: " + "; ".join(found[:_SHOWN_MAX]))

    def _learn(self, call: Call, seen: Seen) -> None:
        """
        Remember the run for later calls.
        """
        if not seen.run_id:
            return
        self._known.add(seen.run_id)
        if call.name is not None:
            self._names[f"${call.name}"] = seen.run_id
        if call.kind in {"start", "start_travel"} and seen.run is not None:
            self._started.append(seen.run)

    def _has_entered(self, step: str) -> bool:
        """
        Whether the step has been entered in the newest started run that has such a step; in any
        run if none has.
        """
        entries = [entry for entry in self._ledger.entries() if entry["step"] == step]
        for run in reversed(self._started):
            if has_address(self._served.get(run.workflow_id, {}), step):
                return any(entry["run"] == run.run_id for entry in entries)
        return bool(entries)

    async def _snapshots(self, call: Call) -> dict[str, Snapshot]:
        calls = (call, *call.inner)
        run_ids = {
            self._run_id(name) for each in calls for name in each.expect.get("unchanged", ())
        }
        return {run_id: await self._client.snapshot(run_id) for run_id in sorted(run_ids)}

    async def _changes(self, before: Mapping[str, Snapshot]) -> dict[str, str]:
        changes = {}
        for run_id, snapshot in before.items():
            difference = snapshot.difference(await self._client.snapshot(run_id))
            if difference is not None:
                changes[run_id] = difference
        return changes

    def _run_id(self, value: Any) -> Any:
        """
        The run id that a name stands for; anything else as it is.
        """
        if isinstance(value, str) and value.startswith("$"):
            if value not in self._names:
                raise Malformed(f"no run is known as {value}")
            return self._names[value]
        return value

    def _with_run_ids(self, expect: Any) -> Any:
        match expect:
            case str():
                return self._names.get(expect, expect)
            case dict():
                return {key: self._with_run_ids(value) for key, value in expect.items()}
            case list():
                return [self._with_run_ids(value) for value in expect]
            case _:
                return expect


def _of(call: Call, seen: Seen, entered: Sequence[Entry]) -> Sequence[Entry]:
    """
    The entries a call answers for: an inner call of a parallel one for those of its run alone.
    """
    if "." in call.number:
        return [entry for entry in entered if entry["run"] == seen.run_id]
    return entered
