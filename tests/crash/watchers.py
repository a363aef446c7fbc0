"""
Watchers: they follow runs to their ends, and write down what they are told.
"""

import asyncio
import random
from dataclasses import dataclass
from typing import Any

import grpc

from dalsegno.client import Client, DalsegnoError, decode
from dalsegno.client.errors import RunNotFound
from dalsegno.v1.run_service_pb2 import WatchRunRequest
from dalsegno.v1.run_service_pb2_grpc import RunServiceStub
from tests.crash.told import Told, Transcript

_METADATA = (("dalsegno-payload-form", "json"),)
_LEAVES_SHARE = 0.02  # of events after which a watcher leaves, and comes back
_AWAY_S = 0.2
_LOST = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


@dataclass(frozen=True, slots=True)
class Watcher:
    """
    One who follows run after run, each to its end.

    Attributes:
        source: A client, whose iterator is used; or a channel for the bare stub, which neither
            drops nor orders anything.
    """

    source: Client | grpc.aio.Channel
    told: Told
    rng: random.Random
    ending: asyncio.Event

    async def watch(self) -> None:
        """
        Follow runs until the traffic is to end.
        """
        while not self.ending.is_set():
            if not self.told.active:
                await asyncio.sleep(_AWAY_S)
                continue
            run_id = self.rng.choice(list(self.told.active))
            if isinstance(self.source, Client):
                await self._with_client(self.source, run_id)
            else:
                await self._with_stub(RunServiceStub(self.source), run_id)

    async def _with_client(self, client: Client, run_id: str) -> None:
        """
        Leave the loop now and then, and begin another.
        """
        transcript = self._transcript("client", run_id)
        try:
            while not transcript.ended:
                cursor = transcript.cursor
                self.told.counts["watch"] += 1
                async with client.watch_run(run_id, after_sequence=cursor, follow=True) as stream:
                    transcript.ended = True
                    async for event in stream:
                        self.told.event(transcript, event)
                        if self.rng.random() < _LEAVES_SHARE:
                            transcript.ended = False
                            break
        except RunNotFound as error:
            self._not_found(transcript, error)
        except DalsegnoError as error:
            transcript.ended = False
            self.told.complaints.append(f"the client's stream of {run_id} raised {error!r}")

    async def _with_stub(self, stub: Any, run_id: str) -> None:
        """
        Attach again after the newest event whenever the connection is lost.
        """
        transcript = self._transcript("stub", run_id)
        while not transcript.ended:
            self.told.counts["watch"] += 1
            request = WatchRunRequest(run_id=run_id, after_sequence=transcript.cursor, follow=True)
            call = stub.WatchRun(request, metadata=_METADATA)
            try:
                transcript.ended = await self._read(call, transcript)
            except grpc.aio.AioRpcError as failure:
                if failure.code() is grpc.StatusCode.NOT_FOUND:
                    self._not_found(transcript, failure)
                    return
                if failure.code() not in _LOST:
                    where = f"a stream of {run_id} after {transcript.cursor}"
                    self.told.complaints.append(f"{where}: {failure.code()} {failure.details()}")
                    return
            finally:
                call.cancel()
            await asyncio.sleep(self.rng.uniform(0, _AWAY_S))

    async def _read(self, call: Any, transcript: Transcript) -> bool:
        """
        Read until the stream ends, or the watcher leaves: False.
        """
        async for message in call:
            if message.event.WhichOneof("body") == "heartbeat":
                continue
            self.told.event(transcript, decode.event(message.event))
            if self.rng.random() < _LEAVES_SHARE:
                return False
        return True

    def _transcript(self, who: str, run_id: str) -> Transcript:
        transcript = Transcript(who, run_id)
        self.told.transcripts.append(transcript)
        return transcript

    def _not_found(self, transcript: Transcript, error: Exception) -> None:
        """
        A run that is not there yet is none to watch; one that was there may not be gone.
        """
        self.told.transcripts.remove(transcript)
        if transcript.lines:
            self.told.complaints.append(f"{transcript.run_id} is gone: {error!r}")
