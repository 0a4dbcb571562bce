"""What runs inside the kernel: the log by itself, beside SQLite alone."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from chatnb.kernel import log, this_kernel
from chatnb.records import Choice, Exchange, Message, Reply, Request, Usage
from chatnb.request_log import RequestLog
from chatnb.request_log.exchange_row import finished_row
from chatnb.request_log.log_file import open_log
from chatnb.request_log.log_record import Cleaner, Owner, Record, Row
from chatnb.request_log.log_store import LogStore
from chatnb.request_log.process_identity import ProcessIdentity

_PROMPT, _ANSWER = "why is that so? " * 19, "because it is. " * 20


class BareLog:
    """A row a request in SQLite, and nothing else: WAL, each insert committed with FULL."""

    def __init__(self, path: str | None = None) -> None:
        path = path or os.environ["CHATNB_LOG"] + "-bare"
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute(
            "CREATE TABLE row(id INTEGER PRIMARY KEY, started TEXT, status TEXT, model TEXT, "
            "prompt TEXT, reply TEXT, tokens INTEGER, seconds REAL)"
        )

    def insert(self) -> None:
        self.insert_many(1)

    def insert_many(self, count: int) -> None:
        """So many rows in one commit."""
        self._connection.execute("BEGIN IMMEDIATE")
        sql = "INSERT INTO row VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)"
        self._connection.executemany(sql, (_values(number) for number in range(count)))
        self._connection.execute("COMMIT")

    def frame(self) -> object:
        """All rows as a DataFrame."""
        import pandas

        return pandas.DataFrame(self._connection.execute("SELECT * FROM row").fetchall())


def _values(number: int) -> tuple[object, ...]:
    now = "2026-11-23T12:00:00"
    return (now, "ok", "echo", f"{number} {_PROMPT}", f"{number} {_ANSWER}", 43, 0.5)


def median_ms(action: Callable[[], None], times: int) -> float:
    """The median time of an action, in milliseconds."""
    return median(seconds_of(action) for _ in range(times)) * 1e3


def seconds_of(action: Callable[[], object]) -> float:
    """What an action takes; to free what it returns is not part of it."""
    begun = time.perf_counter()
    result = action()
    ended = time.perf_counter()
    del result
    return ended - begun


def finished_rows(path: str | None = None, times: int = 200) -> tuple[float, float]:
    """Milliseconds of a finished row, and of the bare insert; interleaved."""
    ours = RequestLog(Path(path or os.environ["CHATNB_LOG"]))
    bare = BareLog(path)
    pairs = [(_finish(ours, number), seconds_of(bare.insert)) for number in range(times)]
    ours.close()
    finished, inserted = zip(*pairs, strict=True)
    return median(finished) * 1e3, median(inserted) * 1e3


def _finish(log: RequestLog, number: int) -> float:
    """The seconds that the finished row takes; the started one is not timed."""
    exchange = _exchange(log, number)
    return seconds_of(lambda: log.finish(exchange))


def _exchange(log: RequestLog, number: int) -> Exchange:
    started = datetime.now(UTC)
    request = Request("echo", (Message("user", f"{number} {_PROMPT}"),), {"temperature": 0.5})
    reply = Reply((Choice(0, f"{number} {_ANSWER}", "stop"),), "echo", Usage(17, 26, 43))
    row = log.start(request, started)
    return Exchange(request, started, row, "ok", reply, first_token_s=0.1, seconds=0.5)


def write_rows(count: int) -> None:
    """Rows of this kernel in one transaction, as a spool is replayed: one by one takes minutes."""
    kept = this_kernel().log
    row = finished_row(_exchange(kept, 0), Cleaner(()), None)
    owner = Owner(kept.kernel, kept.notebook, ProcessIdentity.current())
    connection, _ = open_log(kept.path)
    LogStore(connection, owner).replay(_records(count, row, owner), None, Cleaner(()))
    connection.close()


def _records(count: int, row: Row, owner: Owner) -> Iterator[Record]:
    for number in range(1, count + 1):
        prompt = f"{number} {_PROMPT}"
        its_own = replace(row, prompt=prompt, reply=f"{number} {_ANSWER}")
        yield Record(-number, owner, its_own, (Message("user", prompt),))


def frame_seconds() -> tuple[float, float, int]:
    """Seconds to build the frame, and when asked again with nothing new; its rows."""
    first = median(_frame_from_nothing() for _ in range(3))
    again = median(seconds_of(log) for _ in range(5))
    return first, again, len(log())


def _frame_from_nothing() -> float:
    this_kernel().log.kept.clear()
    return seconds_of(log)


def bare_frame_seconds(count: int) -> float:
    """Seconds of SQLite and pandas alone, for a table of eight columns with the same texts."""
    bare = BareLog()
    bare.insert_many(count)
    return median(seconds_of(bare.frame) for _ in range(3))
