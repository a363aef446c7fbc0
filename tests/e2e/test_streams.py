"""
Streams between languages, and across the death of a server.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dalsegno.client import Client
from tests.e2e.languages import LANGUAGES, Language
from tests.e2e.service import ROOT, Service, environment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),  # the first test of a language builds it, maybe with downloads
]

# Each language once in each part.
_ALL = tuple(LANGUAGES)
_ROTATIONS = [(*_ALL[turn:], *_ALL[:turn]) for turn in range(len(_ALL))]


@pytest.mark.parametrize("spoken", ["go", "typescript"])
async def test_a_stream_outlives_a_server_that_is_killed(
    language: Callable[[str], Language], mortal: Service, tmp_path: Path, spoken: str
) -> None:
    """
    The goal: no event is missing or doubled, whatever dies.
    The method: kill the server twice while events flow, start it again over the same file, and
    compare what the program printed with what the last server has stored. Each time a gate ahead
    opens only after that: the run does not end while the program is on its way back.
    """
    teller = language(spoken)
    told = []
    deaths = [(25, "20"), (110, "45")]

    start = json.dumps({"number": 0, "gates": str(tmp_path)})
    with telling(teller, mortal, "run", "walking", "r-1", start) as lines:
        for line in lines:
            told.append(line)
            if deaths and len(told) >= deaths[0][0]:
                _, gate = deaths.pop(0)
                mortal.kill()
                mortal.start()
                (tmp_path / gate).touch()

    assert told == await events_of(mortal, "r-1")
    assert [line.split()[1] for line in told].count("run_restarted") == 2
    assert told[-1].split()[1] == "run_completed"


@pytest.mark.parametrize(("opener", "resumer", "follower"), _ROTATIONS)
async def test_a_stream_is_opened_resumed_and_followed_in_three_languages(
    language: Callable[[str], Language],
    service: Service,
    opener: str,
    resumer: str,
    follower: str,
) -> None:
    """
    The goal: a stream belongs to its run, not to who opened it.
    The method: one language starts a run and reads until it is suspended, a second resumes it, and
    a third, attached at the event before the last, reads on to the end.
    """
    tellers = [language(spoken) for spoken in (opener, resumer, follower)]
    run_id = f"opened-in-{opener}"

    with telling(tellers[0], service, "run", "counting_and_asking", run_id, "0") as lines:
        opened = list(lines)
    with telling(tellers[2], service, "watch", run_id, str(len(opened) - 1)) as lines:
        assert next(lines) == opened[-1]
        with telling(tellers[1], service, "resume", run_id, "true") as answers:
            resumed = list(answers)
        followed = list(lines)

    assert opened[-1].split()[1:] == ["run_suspended", "-"]
    assert followed[0].split()[1:] == ["run_resumed", "-"]
    assert followed[-1].split()[1:] == ["run_completed", "-"]
    assert resumed == followed
    assert [*opened, *followed] == await events_of(service, run_id)


@contextmanager
def telling(teller: Language, service: Service, *arguments: str) -> Iterator[Iterator[str]]:
    """
    The lines that `tell` prints, as they come; it has ended well when the block is left.
    """
    with subprocess.Popen(
        [*teller.tell, *arguments],
        cwd=ROOT,
        env=environment(DALSEGNO_ADDRESS=service.address),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield (line.rstrip("\n") for line in process.stdout)
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()


async def events_of(service: Service, run_id: str) -> list[str]:
    """
    What is stored, as `tell` would print it, with the sequences that there must be.
    """
    async with Client(service.address) as client:
        stored = [event async for event in client.list_events(run_id)]
    return [
        f"{number} {event.type} {event.address or '-'}"
        for number, event in enumerate(stored, start=1)
    ]
