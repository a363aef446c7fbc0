"""
The Python client as it would be published, used from an empty directory.
"""

import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.service import ROOT, Service, environment

_CLIENT = ROOT / "clients" / "python"
_BLOCKS = re.compile(r"^```(?:python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_WHERE = "from dalsegno import client; from dalsegno.v1 import run_pb2; print(client, run_pb2)"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    python(_CLIENT, "-m", "hatchling", "build", "-d", str(folder))
    return folder


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    db = tmp_path_factory.mktemp("served") / "runs.db"
    service = Service(db, workflows="examples.samples.workflows")
    service.start()
    yield service
    assert service.stop() == 0


def test_the_wheel_has_the_client_its_stubs_and_nothing_else(dist: Path) -> None:
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        names = wheel.namelist()
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
        described = wheel.read(metadata).decode()

    sources = {
        path.relative_to(_CLIENT).as_posix()
        for path in (_CLIENT / "dalsegno").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if ".dist-info/" not in name} == sources
    assert {"dalsegno/client/py.typed", "dalsegno/v1/py.typed"} <= set(names)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert "\n# dalsegno-client\n" in described
    assert "License-Expression: Apache-2.0" in described


def test_the_source_distribution_has_what_the_wheel_is_built_from(dist: Path) -> None:
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        names = {Path(*Path(name).parts[1:]).as_posix() for name in archive.getnames()}

    assert {"LICENSE", "README.md", "pyproject.toml", "dalsegno/client/py.typed"} <= names


def test_the_program_of_the_readme_runs_from_an_empty_directory(
    dist: Path, served: Service, tmp_path: Path
) -> None:
    program, output = _BLOCKS.findall((_CLIENT / "README.md").read_text())[:2]
    installing = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", "site")
    python(tmp_path, *installing, str(next(dist.glob("*.whl"))))
    empty = tmp_path / "empty"
    empty.mkdir()

    where = python(empty, "-c", _WHERE, path=tmp_path / "site")
    printed = python(
        empty,
        "-c",
        program.replace("Client()", f"Client({served.address!r})"),
        path=tmp_path / "site",
    )

    assert where.count(f"from '{tmp_path / 'site'}") == 2
    assert printed == output


def python(folder: Path, *arguments: str, path: Path | None = None) -> str:
    """
    What Python prints in a folder, with packages from *path* before all others.
    """
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment(PYTHONPATH=str(path or "")),
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
