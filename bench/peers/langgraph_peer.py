"""
LangGraph with its SQLite saver.

`SqliteSaver` on threads rather than `AsyncSqliteSaver`: one run takes less processor time with it,
and both commit alike, one after the other. A time travel is what LangGraph calls replay: going on
from the state before the last step, whose id is known. It is added to the same thread.
"""

import asyncio
import functools
import os
import sys
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph

from bench.peers.service import Contender, Place, answer_all, check, rotated

_THREADS = 64  # as many as there are callers at most


class Number(TypedDict):
    value: int


class Text(TypedDict):
    text: str


class LangGraph(Contender):
    def __init__(self, saver: SqliteSaver, db: Path) -> None:
        self._saver, self._db = saver, db
        self._before_last: dict[str, Mapping[str, Any]] = {}
        self._calls = 0

    @property
    def calls(self) -> int:
        return self._calls

    async def run(self, steps: int, text: str | None = None) -> str:
        thread = uuid.uuid4().hex
        if text is None:
            found = await self._invoke(Number, steps, {"value": 0}, _config(thread, steps))
            check("value", found, {"value": steps})
        else:
            found = await self._invoke(Text, steps, {"text": text}, _config(thread, steps))
            check("text", found, {"text": rotated(text, steps)})
        return thread

    async def travel(self, run_id: str, steps: int) -> None:
        if run_id not in self._before_last:
            self._before_last[run_id] = self._state_before_last(run_id, steps)
        config = {**self._before_last[run_id], "recursion_limit": steps + 10}
        check("value", await self._invoke(Number, steps, None, config), {"value": steps})

    async def look(self, run_id: str) -> object:
        newest = self._saver.get_tuple({"configurable": {"thread_id": run_id}})
        return newest and newest.checkpoint

    def place(self) -> Place:
        return {"database": str(self._db), "writer": os.getpid()}

    async def facts(self) -> Mapping[str, object]:
        pragmas = {
            name: self._saver.conn.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous")
        }
        saver = version("langgraph-checkpoint-sqlite")
        return {
            "version": f"{version('langgraph')}, saver {saver}",
            "settings": 'SqliteSaver, durability="sync", threads',
            "travel": "invoke(None) from the state before the last step; same thread",
            **pragmas,
        }

    async def _invoke(
        self, shape: type, steps: int, given: object, config: Mapping[str, Any]
    ) -> object:
        graph = self._graph(shape, steps)
        return await asyncio.to_thread(graph.invoke, given, config, durability="sync")

    @functools.cache  # noqa: B019 - there is one of these in a process
    def _graph(self, shape: type, steps: int) -> Any:
        graph = StateGraph(shape)
        before = START
        for index in range(steps):
            name = f"s{index}"
            graph.add_node(name, self._add if shape is Number else _rotate)
            graph.add_edge(before, name)
            before = name
        return graph.compile(checkpointer=self._saver)

    def _add(self, state: Number) -> Number:
        self._calls += 1
        return {"value": state["value"] + 1}

    def _state_before_last(self, thread: str, steps: int) -> Mapping[str, Any]:
        states = self._graph(Number, steps).get_state_history(_config(thread, steps))
        found: Mapping[str, Any] = next(
            state.config for state in states if state.next == (f"s{steps - 1}",)
        )
        return found


def _rotate(state: Text) -> Text:
    return {"text": rotated(state["text"], 1)}


def _config(thread: str, steps: int) -> dict[str, Any]:
    return {"configurable": {"thread_id": thread}, "recursion_limit": steps + 10}


async def main() -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS))
    db = Path(sys.argv[1]) / "langgraph.db"
    with SqliteSaver.from_conn_string(str(db)) as saver:
        await answer_all(LangGraph(saver, db))


if __name__ == "__main__":
    asyncio.run(main())
