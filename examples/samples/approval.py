"""
A run asks a question, and another process answers.

    python -m examples.samples.approval
"""

import asyncio
import sys

from dalsegno.client import Client
from examples.samples.shared import ADDRESS, compact


async def ask() -> None:
    async with Client(ADDRESS) as client:
        run = await client.start_run("expense", input_data={"employee": "Ada", "cents": 12000})
        run = await client.wait_run(run.run_id)
        print(f"status: {run.status}")
        print(f"question: {run.suspensions[0].payload['question']}", flush=True)

        again = (sys.executable, "-m", "examples.samples.approval")
        other = await asyncio.create_subprocess_exec(*again, "answer", run.run_id)
        assert await other.wait() == 0

        run = await client.wait_run(run.run_id)
        print(f"status: {run.status}")
        print(f"result: {compact(run.result)}")


async def answer(run_id: str) -> None:
    decision = {"approved": True, "by": "Grace"}
    print(f"answer: {compact(decision)}")
    async with Client(ADDRESS) as client:
        await client.resume(run_id, label="approval", resume_data=decision)


match sys.argv[1:]:
    case ["answer", run_id]:
        asyncio.run(answer(run_id))
    case _:
        asyncio.run(ask())
