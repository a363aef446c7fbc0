"""
The suite: traffic, a killer, and then the oracle.
"""

import asyncio
import random
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from dalsegno.client import Client, Patience
from tests.addresses import lasting_address
from tests.crash import ledger, oracle
from tests.crash.findings import Broken, Findings
from tests.crash.killer import Killer, service
from tests.crash.ledger import Ledger
from tests.crash.told import Told
from tests.crash.traffic import Caller
from tests.crash.watchers import Watcher

_STORM_S = 600.0  # that a caller may be out of luck; the default of 30 s is for servers that live
# Lives are short here: who waited for long would sleep through whole ones.
_PATIENCE = Patience(connect_s=60.0, give_up_s=_STORM_S, delay_max_s=0.5)
_CALLERS_PER_CLIENT = 50
_SETTLES_S = 30.0  # after the last start: a promise
_GIVEN_UP_S = 90.0  # what has not come to its end by then never will
_SUCCEED_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Plan:
    """
    How much of what, and the seed of all that is left to chance.

    Attributes:
        runs: How many there are at a time.
    """

    seed: int
    kills: int
    runs: int
    watchers: int


@dataclass(slots=True)
class Report:
    """
    What came of a plan.

    Attributes:
        figures: How many there were of what.
        settled_s: From the last start of the server until all was at its end.
    """

    plan: Plan
    figures: Counter[str] = field(default_factory=Counter)
    findings: Findings = field(default_factory=Findings)
    seconds: float = 0.0
    settled_s: float = 0.0


async def run(plan: Plan, folder: Path) -> Report:
    """
    Kill a server under load as often as planned, let everything settle, and judge.
    """
    report, told = Report(plan), Told()
    began = time.monotonic()
    with ledger.opened(folder) as book:
        killer = Killer(service(folder, lasting_address()), random.Random(plan.seed))
        try:
            await _play(plan, killer, book, told, report)
        finally:
            killer.end()
        effects = book.effects()
    figures = await oracle.ask_store(killer.service.db, told, effects, report.findings)
    report.figures = figures + told.counts
    report.figures.update(kills=killer.kills, by_failpoint=killer.by_failpoint)
    succeeded = figures["success"] / max(figures["runs"] - figures["canceled"], 1)
    is_alive = succeeded >= _SUCCEED_SHARE
    report.findings.require(Broken.UNFINISHED, is_alive, f"only {succeeded:.1%} succeeded")
    report.seconds = time.monotonic() - began
    return report


async def _play(plan: Plan, killer: Killer, book: Ledger, told: Told, report: Report) -> None:
    """
    Everything while there is a server.
    """
    ending = asyncio.Event()
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                Client(killer.service.address, timeout_s=_STORM_S, patience=_PATIENCE)
            )
            for _ in range(2 + plan.runs // _CALLERS_PER_CLIENT)
        ]
        channel = grpc.aio.insecure_channel(killer.service.address)
        await stack.enter_async_context(channel)
        tasks = [
            *_callers(plan, clients[1:], book, told, ending),
            *_watchers(plan, clients[0], channel, told, ending),
        ]
        try:
            for _ in range(plan.kills):
                await killer.kill()
            await killer.start()
            ending.set()
            await _settle(tasks, report)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        await oracle.ask_server(clients[0], told, report.findings)
        for line in await killer.stop():
            report.findings.add(Broken.TOLD, line)


async def _settle(tasks: list[asyncio.Task[None]], report: Report) -> None:
    """
    Wait until callers and watchers have seen the ends of all runs.
    """
    began = time.monotonic()
    done, left = await asyncio.wait(tasks, timeout=_GIVEN_UP_S)
    report.settled_s = time.monotonic() - began
    is_soon = report.settled_s <= _SETTLES_S
    slow = f"{report.settled_s:.0f} s after the last start, {len(left)} still wait"
    report.findings.require(Broken.UNFINISHED, is_soon, slow)
    for task in done:
        if (error := task.exception()) is not None:
            report.findings.add(Broken.TOLD, f"{task.get_name()}: {error!r}")


def _callers(
    plan: Plan, clients: list[Client], book: Ledger, told: Told, ending: asyncio.Event
) -> list[asyncio.Task[None]]:
    return [
        asyncio.create_task(
            Caller(
                client=clients[number // _CALLERS_PER_CLIENT],
                name=f"caller-{number}",
                ledger=str(book.socket),
                told=told,
                rng=random.Random(f"{plan.seed} caller {number}"),
                ending=ending,
            ).call()
        )
        for number in range(plan.runs)
    ]


def _watchers(
    plan: Plan, client: Client, channel: grpc.aio.Channel, told: Told, ending: asyncio.Event
) -> list[asyncio.Task[None]]:
    watchers = [
        Watcher(
            source=client if number % 2 else channel,
            told=told,
            rng=random.Random(f"{plan.seed} watcher {number}"),
            ending=ending,
        )
        for number in range(plan.watchers)
    ]
    return [asyncio.create_task(watcher.watch()) for watcher in watchers]
