"""
Run a workflow, print its result, and see what wrong calls are answered with.

    python -m examples.samples.basic
"""

import asyncio
from typing import Any

from dalsegno.client import Client
from dalsegno.client.errors import InvalidInput, WorkflowNotFound
from examples.samples.shared import ADDRESS, compact


async def main() -> None:
    async with Client(ADDRESS) as client:
        await run(client, "greeting", {"name": "Ada"})

        print()
        try:
            await run(client, "farewell", {"name": "Ada"})
        except WorkflowNotFound as error:
            print(f"refused: {error.reason}, code {error.code.name}")
            print(f"workflow_id: {error.metadata['workflow_id']}")

        print()
        try:
            await run(client, "greeting", {"name": ""})
        except InvalidInput as error:
            print(f"refused: {error.reason}, code {error.code.name}")
            for field, problem in error.violations.items():
                print(f"{field}: {problem}")


async def run(client: Client, workflow_id: str, input_data: Any) -> None:
    print(f"run {workflow_id} {compact(input_data)}")
    done = await client.run(workflow_id, input_data=input_data)
    print(f"status: {done.status}")
    print(f"result: {compact(done.result)}")


asyncio.run(main())
