"""
The pages for users keep up with the code.
"""

import json
import re
from pathlib import Path

import pytest

from dalsegno.config import Described, Settings, describe
from dalsegno.v1.error_reason_pb2 import ErrorReason

DOCS = Path(__file__).parents[2] / "docs"
REASONS = [
    name.removeprefix("ERROR_REASON_")
    for name in ErrorReason.DESCRIPTOR.values_by_name
    if not name.endswith("_UNSPECIFIED")
]
ERRORS = (DOCS / "errors.md").read_text()
CONFIGURATION = (DOCS / "configuration.md").read_text()


def rows() -> dict[str, tuple[str, set[str]]]:
    """
    Reason to the gRPC code of the section it is in, and the names in its metadata.
    """
    found = {}
    code = ""
    for line in ERRORS.splitlines():
        if line.startswith("## "):
            code = line.removeprefix("## ").partition(":")[0]
        elif line.startswith("| `"):
            _, reason, _, metadata, _, _ = line.split("|")
            found[reason.strip("` ")] = (code, set(re.findall(r"`(\w+)`", metadata)))
    return found


def comment_of(reason: str) -> str:
    """
    What the protos say of a reason, on one line.
    """
    protos = (DOCS.parent / "protos/dalsegno/v1/error_reason.proto").read_text()
    before, _, _ = protos.partition(f"  ERROR_REASON_{reason} =")
    return " ".join(before.rsplit("\n\n", 1)[1].replace("//", " ").split())


def test_every_reason_is_explained_and_nothing_else() -> None:
    assert set(rows()) == set(REASONS)


@pytest.mark.parametrize("reason", REASONS)
def test_page_and_protos_agree_on_a_reason(reason: str) -> None:
    comment = comment_of(reason)
    code = re.search(r"Code ([A-Z_]+)\.", comment)
    example = re.search(r"\{.*\}", comment)
    assert code is not None
    assert example is not None

    assert rows()[reason] == (code.group(1), set(json.loads(example.group())))


@pytest.mark.parametrize("setting", describe(Settings()), ids=lambda it: it.name)
def test_every_setting_is_explained(setting: Described) -> None:
    default = f" `{setting.default}`" if setting.default else ""

    assert f"| `{setting.env}` |{default} | {setting.doc} |" in CONFIGURATION


def test_no_setting_is_explained_that_there_is_not() -> None:
    explained = re.findall(r"^\| `(DALSEGNO_[A-Z_]+)` \|", CONFIGURATION, re.MULTILINE)

    assert explained == [it.env for it in describe(Settings())]


def test_every_limit_is_in_the_table_of_limits() -> None:
    _, _, table = CONFIGURATION.partition("## Limits\n\nAll")
    named = set(re.findall(r"`([a-z_]+)`", table))
    settings = {it.name for it in describe(Settings())}
    exhausted = {reason for reason, (code, _) in rows().items() if code == "RESOURCE_EXHAUSTED"}

    assert (
        {name for name in settings if name.endswith("_max")}
        <= named
        <= settings | {"steps_truncated"}
    )
    assert {it for it in exhausted if not it.startswith("BACKUP")} <= set(
        re.findall(r"`([A-Z_]+)`", table)
    )


def test_the_table_of_limits_has_the_defaults() -> None:
    _, _, table = CONFIGURATION.partition("## Limits\n\nAll")
    shown = {
        name: int(number.replace(",", "")) * {"MiB": 2**20, "KiB": 2**10}.get(unit, 1)
        for number, unit, name in re.findall(r"\| ([\d,]+) ?(MiB|KiB|s)?[^|]*\| `(\w+)` \|", table)
    }

    assert shown == {name: getattr(Settings(), name) for name in shown}
    assert len(shown) == 13
