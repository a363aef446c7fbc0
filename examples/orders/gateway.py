"""
A stand-in for a payment gateway: somebody else's service, with a memory of its own.

Its ledger is a file, so it remembers what it did, whatever becomes of the server that called it.
It can be played with from a shell:

    python -m examples.orders.gateway down 2    # the next two calls fail
    python -m examples.orders.gateway ledger    # what it has done
"""

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

# Tokens it gave out for cards. It declines every other.
_CARDS = frozenset({"tok_visa", "tok_mastercard"})

_TABLES = """
CREATE TABLE IF NOT EXISTS entries (
    key TEXT PRIMARY KEY, id TEXT, kind TEXT, order_id TEXT, amount_cents INTEGER
);
CREATE TABLE IF NOT EXISTS outages (loses TEXT);
"""

Kind = Literal["authorization", "capture", "void"]


class CardDeclined(Exception):
    """
    The gateway knows no such card; asking again will not help.
    """


class KeyReused(Exception):
    """
    The idempotency key was used before, for something else.
    """


class GatewayDown(ConnectionError):
    """
    The gateway gave no answer; whether it did what was asked is not known.
    """


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One thing the gateway did.
    """

    id: str
    kind: Kind
    order_id: str
    amount_cents: int


class Gateway:
    """
    Takes money, once per idempotency key: a repeated call is answered as the first one was.

    Each call may raise `GatewayDown`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def authorize(self, *, key: str, order_id: str, amount_cents: int, card: str) -> str:
        """
        Set money aside; returns the authorization's id.

        Raises:
            CardDeclined: Nothing was set aside.
        """
        if card not in _CARDS:
            raise CardDeclined(f"the gateway knows no card {card!r}")
        return self._do("authorization", key, order_id, amount_cents)

    def capture(self, *, key: str, order_id: str, amount_cents: int) -> str:
        """
        Take the money that was set aside; returns the capture's id.
        """
        return self._do("capture", key, order_id, amount_cents)

    def void(self, *, key: str, order_id: str, amount_cents: int) -> str:
        """
        Give the money free that was set aside.
        """
        return self._do("void", key, order_id, amount_cents)

    def go_down(self, calls: int, *, loses: Literal["call", "answer"] = "call") -> None:
        """
        Let the next calls fail.

        Args:
            calls: How many.
            loses: The call, so that nothing happens; or only the answer, so that it does.
        """
        with self._open() as ledger:
            ledger.executemany("INSERT INTO outages VALUES (?)", [(loses,)] * calls)

    def entries(self) -> list[Entry]:
        """
        All it has done, oldest first.
        """
        with self._open() as ledger:
            rows = ledger.execute(
                "SELECT id, kind, order_id, amount_cents FROM entries ORDER BY rowid"
            )
            return [Entry(*row) for row in rows]

    def _do(self, kind: Kind, key: str, order_id: str, amount_cents: int) -> str:
        with self._open() as ledger:
            loses = _next_outage(ledger)
            entry = None if loses == "call" else _enter(ledger, kind, key, order_id, amount_cents)
        if entry is None or loses is not None:
            raise GatewayDown("the payment gateway does not answer")
        if (entry.kind, entry.order_id, entry.amount_cents) != (kind, order_id, amount_cents):
            raise KeyReused(f"key {key!r} was used for {entry.kind} {entry.id}")
        return entry.id

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """
        One transaction on the ledger, alone.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self._path, isolation_level=None)) as ledger, ledger:
            ledger.executescript(_TABLES)
            ledger.execute("BEGIN IMMEDIATE")
            yield ledger


def _next_outage(ledger: sqlite3.Connection) -> str | None:
    row = ledger.execute("SELECT rowid, loses FROM outages ORDER BY rowid LIMIT 1").fetchone()
    if row is None:
        return None
    ledger.execute("DELETE FROM outages WHERE rowid = ?", row[:1])
    return str(row[1])


def _enter(
    ledger: sqlite3.Connection, kind: Kind, key: str, order_id: str, amount_cents: int
) -> Entry:
    number = ledger.execute("SELECT count(*) FROM entries").fetchone()[0] + 1
    ledger.execute(
        "INSERT OR IGNORE INTO entries VALUES (?, ?, ?, ?, ?)",
        (key, f"{kind[:4]}_{number:04}", kind, order_id, amount_cents),
    )
    row = ledger.execute(
        "SELECT id, kind, order_id, amount_cents FROM entries WHERE key = ?", (key,)
    ).fetchone()
    return Entry(*row)


def default() -> Gateway:
    """
    The gateway whose ledger is named by ORDERS_LEDGER; one in the current directory if it is not.
    """
    return Gateway(Path(os.environ.get("ORDERS_LEDGER", ".demo/payments.db")))


def main(arguments: list[str]) -> int:
    match arguments:
        case ["down"]:
            default().go_down(1)
        case ["down", calls] if calls.isdigit():
            default().go_down(int(calls))
        case ["ledger"]:
            for entry in default().entries():
                print(f"{entry.id}  {entry.order_id}  {entry.amount_cents / 100:.2f}")
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
