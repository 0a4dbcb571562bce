"""The file of the log: who may read it, and how it is opened without a race."""

from __future__ import annotations

import os
import random
import secrets
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from chatnb.log_lookup import MEMORY, state_directory
from chatnb.private_directories import check_owner, make_directory

VERSION = 1
_APPLICATION = 0x63686E62  # "chnb": a file without it is somebody else's database
_OPENING_S = 10.0
_BUSY_S = 5.0
_SCHEMA = """
CREATE TABLE process(
  id INTEGER PRIMARY KEY, kernel TEXT NOT NULL, notebook TEXT,
  host TEXT, boot TEXT, pid INTEGER, started TEXT);
CREATE INDEX process_of_kernel ON process(kernel);
CREATE INDEX process_of_notebook ON process(notebook);
CREATE TABLE context(id INTEGER PRIMARY KEY, process INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE message(
  id INTEGER PRIMARY KEY, parent INTEGER, role TEXT, content TEXT, fields TEXT, exchange INTEGER);
CREATE TABLE exchange(
  id INTEGER PRIMARY KEY AUTOINCREMENT, process INTEGER NOT NULL, message INTEGER,
  status TEXT NOT NULL, context INTEGER NOT NULL, numbers BLOB NOT NULL,
  cell TEXT, prompt TEXT, reply TEXT, request_id TEXT, response TEXT, details TEXT);
CREATE INDEX exchange_of_process ON exchange(process);
CREATE INDEX exchange_in_the_air ON exchange(process) WHERE status = 'started';
CREATE TABLE purge(at TEXT);
CREATE TABLE replayed(spool TEXT PRIMARY KEY);
"""

# Younger than the first logs, so it is added to them; one that never heard of it works as before,
# hence the same version.
_ANSWERS = """
CREATE TABLE IF NOT EXISTS answer(exchange INTEGER PRIMARY KEY, request TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS answer_to_request ON answer(request)
"""


class UnusableLogError(Exception):
    """The file cannot be the log; its text says why in one line."""


def identity_of(path: Path) -> tuple[int, int] | None:
    """Device and inode: what tells that a file was deleted or replaced while it was open."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def is_corrupt(error: BaseException) -> bool:
    codes = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return isinstance(error, sqlite3.Error) and _code(error) in codes


def is_busy(error: BaseException) -> bool:
    codes = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    return isinstance(error, sqlite3.Error) and _code(error) in codes


def _code(error: sqlite3.Error) -> int:
    # The low byte is the kind of error, the rest of the number its variety.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def open_log(path: Path) -> tuple[sqlite3.Connection, tuple[str, ...]]:
    """A connection to the log, made if need be, and what there is to say about it.

    Several kernels may open it at the same moment: with the busy timeout set first and WAL after
    it 1 or 2 of 150 parallel openings still failed, hence the retries. Raises UnusableLogError,
    sqlite3.Error and OSError.
    """
    if path == MEMORY:
        connection = _connect(path)
        connection.execute("PRAGMA temp_store=MEMORY")  # nor does anything spill
        _make_schema(connection)
        return connection, ()
    make_private(path)
    end = time.monotonic() + _OPENING_S
    pause = 0.005
    while True:
        try:
            return _open_file(path)
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > end:
                raise
        time.sleep(random.uniform(0, pause))  # noqa: S311 - spreads the crowd, guards nothing
        pause = min(2 * pause, 0.25)


def make_private(path: Path) -> None:
    """The directory 0700 and the file 0600 whatever the umask; SQLite's -wal and -shm follow."""
    make_directory(path.parent)
    if path.parent == state_directory():
        path.parent.chmod(0o700)
    check_owner(path.parent)
    if path.is_symlink():
        raise UnusableLogError(f"{path} is a symbolic link; the log must be a file of its own")
    try:
        # EXCL: an existing file is not opened here, since closing a second descriptor of a file
        # drops the locks of this process (https://sqlite.org/howtocorrupt.html, section 2.2).
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o600)
    _refuse_planted(path)


def _refuse_planted(path: Path) -> None:
    """Files beside the log that somebody else made: SQLite would write the rows into them."""
    own = path.lstat().st_uid
    for companion in _with_companions(path):
        with suppress(FileNotFoundError):
            if companion.lstat().st_uid != own:
                raise UnusableLogError(f"{companion} belongs to somebody else")


def _open_file(path: Path) -> tuple[sqlite3.Connection, tuple[str, ...]]:
    connection = _connect(path)
    try:
        _is_ours(connection)  # before anything is written into somebody else's file
        notices = _choose_journal(connection, path)
        _make_schema(connection)
        _refuse_planted(path)  # by somebody who was faster, before a row is written
    except BaseException:
        connection.close()
        raise
    return connection, notices


def _connect(path: Path) -> sqlite3.Connection:
    # The busy timeout first; transactions are begun by hand, and a lock above orders the threads.
    connection = sqlite3.connect(
        path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
    )
    # A quarter of a megabyte of pages: rows are written once and read in one sweep.
    connection.execute("PRAGMA cache_size=-256")
    return connection


def _choose_journal(connection: sqlite3.Connection, path: Path) -> tuple[str, ...]:
    """WAL, or DELETE where a network file system has no WAL."""
    if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
        return ()
    if wal_works_in(path.parent):
        connection.execute("PRAGMA journal_mode=WAL")
        return ()
    connection.execute("PRAGMA journal_mode=DELETE")
    return (f"The file system of {path} has no write-ahead log; the log works, but slower.",)


def wal_works_in(directory: Path) -> bool:
    """Whether a write-ahead log works there: on a network it may fail only at the first write."""
    probe = directory / f".wal-probe-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        connection = sqlite3.connect(probe, isolation_level=None)
        try:
            mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("CREATE TABLE probe(value)")
        finally:
            connection.close()
    except sqlite3.Error:
        return False
    finally:
        for name in _with_companions(probe):
            with suppress(OSError):
                name.unlink()
    return bool(mode == "wal")


def _make_schema(connection: sqlite3.Connection) -> None:
    if _is_ours(connection) and _has_answers(connection):
        return
    with transaction(connection):
        if not _is_ours(connection):  # else another process was faster
            _create(connection, _SCHEMA)
            connection.execute(f"PRAGMA application_id={_APPLICATION}")
            connection.execute(f"PRAGMA user_version={VERSION}")
        _create(connection, _ANSWERS)


def _create(connection: sqlite3.Connection, schema: str) -> None:
    for statement in filter(str.strip, schema.split(";")):
        connection.execute(statement)


def _has_answers(connection: sqlite3.Connection) -> bool:
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'answer_to_request'")
    return found.fetchone() is not None


def _is_ours(connection: sqlite3.Connection) -> bool:
    """False for an empty file; raises for a file that somebody else wrote."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application == _APPLICATION:
        if version > VERSION:
            raise UnusableLogError("a newer chatnb wrote it: upgrade chatnb, or set CHATNB_LOG")
        return True
    if connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        raise UnusableLogError("it is a database of another program: set CHATNB_LOG to a new file")
    return False


def set_durable(connection: sqlite3.Connection, durable: bool) -> None:
    """Whether what is written next survives a power cut, or only the end of the process."""
    if connection.in_transaction:  # an interrupt came between two statements
        connection.execute("ROLLBACK")
    connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing.

    IMMEDIATE: a deferred transaction that reads and then writes is refused in spite of the busy
    timeout (813 of 2,000 times, measured).
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise


def move_away(path: Path, corrupt: tuple[int, int] | None) -> Path | None:
    """Rename a corrupt log, its -wal and -shm to a name that is free; None if another process did.

    `corrupt` is the identity of the file that was found corrupt.
    """
    from filelock import FileLock

    with FileLock(path.with_name(path.name + ".lock"), timeout=_OPENING_S, mode=0o600):
        if corrupt is None or identity_of(path) != corrupt:
            return None
        target = _free_name(path)
        for old, new in zip(_with_companions(path), _with_companions(target), strict=True):
            with suppress(FileNotFoundError):
                old.rename(new)
        return target


def _free_name(path: Path) -> Path:
    moment = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    for number in range(1, 10_000):
        target = path.with_name(f"{path.stem}.corrupt-{moment}-{number}{path.suffix}")
        if not any(name.exists() for name in _with_companions(target)):
            return target
    raise FileExistsError(f"no free name for {path}")


def _with_companions(path: Path) -> tuple[Path, ...]:
    return tuple(path.with_name(path.name + ending) for ending in ("", "-wal", "-shm", "-journal"))
