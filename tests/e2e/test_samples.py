"""
The samples print the same in every language.
"""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.languages import LANGUAGES, SAMPLES, Language
from tests.e2e.service import ROOT, Service, environment

_EXPECTED = ROOT / "examples" / "samples" / "expected"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),  # the first test of a language builds it, maybe with downloads
]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    db = tmp_path_factory.mktemp("samples") / "runs.db"
    service = Service(db, workflows="examples.samples.workflows")
    service.start()
    yield service
    assert service.stop() == 0


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("spoken", LANGUAGES)
def test_a_sample_prints_the_same_in_every_language(
    language: Callable[[str], Language], samples: Service, spoken: str, name: str
) -> None:
    done = subprocess.run(
        language(spoken).sample(name),
        cwd=ROOT,
        env=environment(DALSEGNO_ADDRESS=samples.address),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )

    assert done.stdout == (_EXPECTED / f"{name}.txt").read_text(), done.stderr
    assert done.returncode == 0, done.stderr


def test_every_sample_has_its_text() -> None:
    assert {path.stem for path in _EXPECTED.iterdir()} == set(SAMPLES)


def test_a_sample_in_python_is_a_program_of_its_own() -> None:
    folder = Path(ROOT, "examples", "samples")

    assert {path.stem for path in folder.glob("*.py")} == {*SAMPLES, "shared", "workflows"}
