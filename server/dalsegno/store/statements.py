"""
The statements of a dialect, read from its file: ``-- name: sentence``, then the SQL.
"""

import re
from collections.abc import Mapping
from importlib.resources import files

_HEAD = re.compile(r"^-- ([a-z_]+): .+$", re.MULTILINE)


def load(filename: str) -> Mapping[str, str]:
    """
    Statements of one file under ``store/sql`` by name, in the order of the file.
    """
    text = files("dalsegno.store").joinpath("sql", filename).read_text(encoding="utf-8")
    _, *parts = _HEAD.split(text)
    names, bodies = parts[::2], parts[1::2]
    assert len(set(names)) == len(names), f"a name is given twice in {filename}"
    return {name: body.strip() for name, body in zip(names, bodies, strict=True)}
