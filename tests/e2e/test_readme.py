"""
The README's program: executed, and its output compared.
"""

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

from dalsegno.app import serve
from dalsegno.config import Settings
from tests.e2e.service import ROOT

_BLOCKS = re.compile(r"^```(python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


async def test_the_program_of_the_readme_prints_what_it_says(tmp_path: Path) -> None:
    definition, program, output = [
        text for _, text in _BLOCKS.findall((ROOT / "README.md").read_text())
    ][:3]
    module: dict[str, Any] = {}
    exec(compile(definition, "checkout.py", "exec"), module)
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    settings = Settings(db=tmp_path / "runs.db", listen="127.0.0.1:0")

    async with asyncio.TaskGroup() as group:
        group.create_task(
            serve(settings, [module["checkout"]], on_ready=address.set_result, stop=stop)
        )
        program = program.replace("Client()", f"Client({await address!r})")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
        )
        printed, _ = await process.communicate()
        stop.set()

    assert printed.decode() == output
