"""
A run fails; travel to the step that failed, give it a better input, and follow the replay.

    python -m examples.samples.time_travel
"""

import asyncio

from dalsegno.client import Client, EventStream, Run
from examples.samples.shared import ADDRESS, compact


async def main() -> None:
    async with Client(ADDRESS) as client:
        cart = {"item": "violin", "card": "expired"}
        print(f"run checkout {compact(cart)}")
        source = await client.run("checkout", input_data=cart)
        assert source.error
        print(f"status: {source.status}")
        print(f"error: {source.error.type}: {source.error.message}")

        bill = source.steps["charge"].input | {"card": "valid"}
        print(f"\ntravel to charge {compact(bill)}")
        stream = client.time_travel_stream(source.run_id, "charge", input_data=bill)
        await follow(stream)
        assert stream.run_id

        replay = await client.get_run(stream.run_id)
        print(f"question: {replay.suspensions[0].payload['question']}")
        decision = {"approved": True, "by": "Grace"}
        print(f"\nresume {compact(decision)}")
        await follow(client.resume_stream(replay.run_id, resume_data=decision))

        print()
        show("source", source)
        replay = await client.get_run(replay.run_id)
        show("replay", replay)
        print(f"result: {compact(replay.result)}")
        is_unchanged = await client.get_run(source.run_id) == source
        print(f"source unchanged: {'yes' if is_unchanged else 'no'}")


async def follow(stream: EventStream) -> None:
    async for event in stream:
        print(f"{event.type} {event.address}".rstrip())


def show(name: str, run: Run) -> None:
    print(f"{name}: {run.status}")
    for step in run.steps.values():
        reused = ", reused" if step.reused_from_run_id else ""
        print(f"  {step.address}: {step.status}{reused}")


asyncio.run(main())
