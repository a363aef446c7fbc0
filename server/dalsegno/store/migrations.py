"""
The schema of a database, raised to the newest by numbered files.
"""

import re
import sqlite3
from collections.abc import Mapping
from importlib.resources import files

# "DalS": says in the file's header whose database it is.
# https://www.sqlite.org/pragma.html#pragma_application_id
APPLICATION_ID = 0x44616C53

_FILENAME = re.compile(r"(\d{4})_\w+\.sql")


def migrations() -> dict[int, str]:
    """
    The scripts by number, rising from 1 without gaps.
    """
    scripts = {}
    for file in files("dalsegno.store").joinpath("sql").iterdir():
        if match := _FILENAME.fullmatch(file.name):
            scripts[int(match[1])] = file.read_text(encoding="utf-8")
    assert sorted(scripts) == list(range(1, len(scripts) + 1))
    return dict(sorted(scripts.items()))


def migrate(connection: sqlite3.Connection, scripts: Mapping[int, str]) -> None:
    """
    Apply the scripts that the database has not had yet, each in one transaction of its own.

    Raises:
        sqlite3.Error: One failed; those before it are kept, of this one nothing is.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for number in sorted(scripts):
        if number <= version:
            continue
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE; {scripts[number]};"
                f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number}; COMMIT"
            )
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
