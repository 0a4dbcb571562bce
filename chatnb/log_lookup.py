"""The log at a glance: where it is, and where a notebook's last conversation ended.

A room of its own since `%load_ext chatnb` looks here, which may take 10 ms: importing the rest of
the log takes ten times that. Nothing is imported that a kernel has not loaded already.
"""

from __future__ import annotations

import os
import sqlite3
import struct
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

MEMORY = Path(":memory:")
_LOCKED_S = 0.1  # another kernel may be recovering the log, after a crash
_PROCESSES = "SELECT id FROM process WHERE notebook = ? AND kernel <> ? ORDER BY id DESC"
_LAST_EXCHANGE = """
SELECT exchange.id FROM exchange JOIN context ON context.id = exchange.context
WHERE exchange.process = ? AND status IN ('ok', 'refused')
  AND json_extract(context.body, '$.error_kind') IS NULL
  AND json_extract(context.body, '$.conversation') IS NOT NULL
ORDER BY exchange.id DESC LIMIT 1
"""
_PROMPTS = """
WITH RECURSIVE chain(id, parent, role) AS (
  SELECT id, parent, role FROM message WHERE id = (SELECT message FROM exchange WHERE id = ?)
  UNION ALL
  SELECT m.id, m.parent, m.role
  FROM message m JOIN chain ON m.id = chain.parent AND m.id < chain.id)
SELECT count(*) FROM chain WHERE role = 'user'
"""


def default_path() -> Path:
    """Where the log is: CHATNB_LOG, else the platform's directory for state.

    >>> default_path().suffix
    '.sqlite'
    """
    named = os.environ.get("CHATNB_LOG")
    if named:
        return MEMORY if named == str(MEMORY) else Path(named).expanduser().absolute()
    return state_directory() / "log.sqlite"


def state_directory() -> Path:
    """The platform's directory for state, where the log is unless CHATNB_LOG says otherwise."""
    from platformdirs import user_state_path

    return user_state_path("chatnb", appauthor=False)


def last_turns(path: Path, notebook: str, kernel: str) -> tuple[datetime, int] | None:
    """When the notebook's last turn was sent (UTC), and how many its conversation has.

    >>> last_turns(Path("/nowhere/log.sqlite"), "lesson.ipynb", "this kernel") is None
    True

    None where there is none but this kernel's, and where the log cannot be read: whoever needs it
    says so. Looking makes no log and changes none.
    """
    # ValueError: a path that is no UTF-8.
    with (
        suppress(sqlite3.Error, OSError, ValueError),
        closing(_opened(path)) as connection,
    ):
        exchange = last_exchange(connection, notebook, kernel)
        return None if exchange is None else _counted(connection, exchange)
    return None


def last_exchange(connection: sqlite3.Connection, notebook: str | bytes, kernel: str) -> int | None:
    """The row that the conversation of another kernel of this notebook ended with.

    Kernel by kernel, latest first: an index leads to the last row of each. Whether that kernel
    still lives does not matter: after a restart it does not.
    """
    for process in connection.execute(_PROCESSES, (notebook, kernel)).fetchall():
        row = connection.execute(_LAST_EXCHANGE, process).fetchone()
        if row is not None:
            return int(row[0])
    return None


def _opened(path: Path) -> sqlite3.Connection:
    """To read; SQLite would make a write-ahead log where there is none, and leave it behind."""
    mode = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=_LOCKED_S)


def _counted(connection: sqlite3.Connection, exchange: int) -> tuple[datetime, int]:
    sql = "SELECT numbers FROM exchange WHERE id = ?"
    (numbers,) = connection.execute(sql, (exchange,)).fetchone()
    (microseconds,) = struct.unpack_from("<d", numbers)  # the first of log_record.NUMBERS
    started = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    return started, connection.execute(_PROMPTS, (exchange,)).fetchone()[0]
