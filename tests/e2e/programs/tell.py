"""
Prints the events of a run as they come: sequence, type and address, a line each.

    tell run WORKFLOW RUN_ID INPUT    starts it
    tell resume RUN_ID DATA           lets it go on
    tell watch RUN_ID AFTER           follows it to its end
"""

import asyncio
import json
import os
import sys

from dalsegno.client import Client, EventStream


def stream(client: Client, arguments: list[str]) -> EventStream:
    match arguments:
        case ["run", workflow, run_id, given]:
            return client.run_stream(workflow, run_id=run_id, input_data=json.loads(given))
        case ["resume", run_id, data]:
            return client.resume_stream(run_id, resume_data=json.loads(data))
        case ["watch", run_id, after]:
            return client.watch_run(run_id, after_sequence=int(after), follow=True)
    raise SystemExit(__doc__)


async def tell() -> None:
    async with Client(os.environ["DALSEGNO_ADDRESS"]) as client:
        async for event in stream(client, sys.argv[1:]):
            print(event.sequence, event.type, event.address or "-", flush=True)


asyncio.run(tell())
