"""The log for other programs: export to a file, and delete rows for good."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chatnb.errors import InvalidInput
from chatnb.request_log import RequestLog
from chatnb.request_log.anonymous_rows import Anonymizer
from chatnb.request_log.log_access import FAILURES
from chatnb.request_log.log_file import identity_of, set_durable, transaction
from chatnb.request_log.log_rows import mark_lost, purges, started_of
from chatnb.request_log.process_identity import ProcessIdentity

if TYPE_CHECKING:
    import pandas as pd

Change = Callable[["pd.DataFrame"], "pd.DataFrame"]

_BATCH = 500
# What a spreadsheet takes for a formula; tab and line ends it skips before it looks.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def export(
    file: Path,
    log: RequestLog | None = None,
    *,
    overwrite: bool = False,
    all: bool = True,
    anonymous: bool = False,
) -> int:
    """Write the rows of every kernel, or of the log's own, to a .csv, .jsonl or .parquet file.

    >>> export(Path("log.jsonl"))                   # doctest: +SKIP

    It returns how many there were. The columns are the DataFrame's, `messages` included, so that
    long conversations make long files. In .csv, which is for spreadsheets, texts that begin like a
    formula get a leading apostrophe; the other two are exact. A relative path stays inside the
    working directory, and an existing file is only replaced with `overwrite`. `anonymous` leaves
    out what tells whose rows they are (anonymous_rows.LEFT_OUT, NUMBERED). Raises InvalidInput.
    """
    write = _writer(file)
    path = _checked(file, overwrite=overwrite)
    rows = _rows(log or RequestLog(), all)
    change = Anonymizer() if anonymous else _unchanged
    # Beside the target and then moved: an export that fails leaves the old file whole.
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        write(rows, part, change)
        _move(part, path, overwrite=overwrite)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.", kind="usage") from error
    finally:
        part.unlink(missing_ok=True)
    return len(rows)


def purge(log: RequestLog | None = None, *, before: datetime | None = None) -> int:
    """Delete the rows of requests sent before a moment, or all of them; how many there were.

    >>> purge(before=datetime(2026, 1, 1))          # doctest: +SKIP

    A moment without a time zone is local time. Requests in the air keep their rows. What is deleted
    is overwritten in the file. Raises InvalidInput where nothing could be deleted.
    """
    log = log or RequestLog()
    there = identity_of(log.path)
    try:
        deleted = log.change(lambda connection: _purge(connection, before))
    except FAILURES as failure:
        line = f"Nothing was deleted: the log {log.path} cannot be changed now ({failure})."
        raise InvalidInput(line, kind="log") from failure
    if _was_put_away(log, there):
        raise InvalidInput(f"Nothing was deleted: the log {log.path} was corrupt.", kind="log")
    return deleted or 0


def _rows(log: RequestLog, all: bool) -> pd.DataFrame:
    """Every row; InvalidInput where there are none because the log cannot be read."""
    from chatnb.request_log.log_frame import frame

    there = identity_of(log.path)
    rows = frame(log, all=all)
    if rows.empty and log.exists() and (_was_put_away(log, there) or log.read(purges) is None):
        line = f"Nothing was written: the log {log.path} could not be read."
        raise InvalidInput(line, kind="log")
    return rows


def _was_put_away(log: RequestLog, there: tuple[int, int] | None) -> bool:
    """Whether another file has taken the place of the one that was there: it was corrupt."""
    return there is not None and identity_of(log.path) != there


def _writer(file: Path) -> Callable[[pd.DataFrame, Path, Change], None]:
    writers = {".csv": _write_csv, ".jsonl": _write_jsonl, ".parquet": _write_parquet}
    suffix = file.suffix.lower()
    if suffix not in writers:
        raise InvalidInput(
            f"'{file.name}' does not say its format: name it .csv, .jsonl or .parquet.",
            kind="usage",
        )
    if suffix == ".parquet":
        try:
            import pyarrow  # noqa: F401 - optional
        except ImportError as error:
            line = "Parquet needs pyarrow: pip install pyarrow, or export to .jsonl."
            raise InvalidInput(line, kind="usage") from error
    return writers[suffix]


def _checked(file: Path, *, overwrite: bool) -> Path:
    path = file.expanduser().resolve()
    if not file.expanduser().is_absolute() and not path.is_relative_to(Path.cwd().resolve()):
        raise InvalidInput(
            f"{file} leads out of the working directory: give an absolute path.", kind="usage"
        )
    if path.is_dir():
        raise InvalidInput(f"{path} is a directory: choose another name.", kind="usage")
    if path.exists() and not overwrite:
        line = f"{path} is there already: choose another name, or --overwrite."
        raise InvalidInput(line, kind="usage")
    if not path.parent.is_dir():
        raise InvalidInput(f"There is no directory {path.parent}.", kind="usage")
    return path


def _move(part: Path, path: Path, *, overwrite: bool) -> None:
    if overwrite:
        part.replace(path)
        return
    try:
        os.link(part, path)  # unlike a rename it never replaces a file that has just appeared
    except FileExistsError:
        raise
    except OSError:  # no hard links on this file system
        part.rename(path)


def _unchanged(rows: pd.DataFrame) -> pd.DataFrame:
    return rows


def _batches(rows: pd.DataFrame, change: Change) -> Iterator[pd.DataFrame]:
    """Some rows at a time with their messages read: all histories at once may not fit."""
    for first in range(0, len(rows), _BATCH):
        batch = rows.iloc[first : first + _BATCH].copy()
        batch["messages"] = [list(messages) for messages in batch["messages"]]
        batch["choices"] = [list(choices) for choices in batch["choices"]]
        yield change(batch)


def _write_csv(rows: pd.DataFrame, path: Path, change: Change) -> None:
    header = True
    for batch in _batches(rows, change):
        for name in ("messages", "choices"):
            batch[name] = batch[name].map(json.dumps)
        texts = batch.select_dtypes(include=["string", "object"]).columns
        batch[texts] = batch[texts].map(_quoted, na_action="ignore")
        batch.to_csv(path, mode="a", index=False, header=header)
        header = False
    if header:
        rows.to_csv(path, index=False)


def _quoted(text: Any) -> Any:
    return f"'{text}" if isinstance(text, str) and text.startswith(_FORMULA) else text


def _write_jsonl(rows: pd.DataFrame, path: Path, change: Change) -> None:
    with path.open("a", encoding="ascii") as file:
        for batch in _batches(rows, change):
            batch["started"] = batch["started"].map(datetime.isoformat)
            plain = batch.astype(object).where(batch.notna(), None)
            for row in plain.to_dict("records"):
                file.write(json.dumps(row) + "\n")


def _write_parquet(rows: pd.DataFrame, path: Path, change: Change) -> None:
    import pyarrow as pa  # optional
    import pyarrow.parquet as pq  # optional

    names = {"messages": pa.string(), "choices": pa.list_(pa.string())}
    known = pa.Schema.from_pandas(rows.drop(columns=list(names)).head(0), preserve_index=False)
    schema = pa.schema(
        [pa.field(name, names[name]) if name in names else known.field(name) for name in rows]
    )
    with pq.ParquetWriter(path, schema) as writer:
        for batch in _batches(rows, change):
            # JSON, since the content of one message is text and that of the next has parts.
            batch["messages"] = batch["messages"].map(json.dumps)
            writer.write_table(pa.Table.from_pandas(batch, schema, preserve_index=False))


_KEEP_TEXTS = """
WITH RECURSIVE kept(id) AS (
  SELECT message FROM exchange WHERE id NOT IN (SELECT id FROM doomed)
  UNION SELECT parent FROM message JOIN kept USING (id))
UPDATE message SET exchange = NULL, content = (
    SELECT CASE message.role WHEN 'user' THEN prompt ELSE reply END
    FROM exchange WHERE exchange.id = message.exchange)
WHERE exchange IN (SELECT id FROM doomed) AND id IN (SELECT id FROM kept)
"""
_DELETE = (
    "DELETE FROM exchange WHERE id IN (SELECT id FROM doomed)",
    """
    WITH RECURSIVE kept(id) AS (
      SELECT message FROM exchange UNION SELECT parent FROM message JOIN kept USING (id))
    DELETE FROM message WHERE id NOT IN (SELECT id FROM kept WHERE id IS NOT NULL)
    """,
    "DELETE FROM answer WHERE exchange NOT IN (SELECT id FROM exchange)",
    "DELETE FROM context WHERE id NOT IN (SELECT context FROM exchange)",
    "DELETE FROM process WHERE id NOT IN (SELECT process FROM exchange)",
    "DROP TABLE doomed",
    "INSERT INTO purge(at) VALUES (datetime('now'))",
)


def _purge(connection: sqlite3.Connection, before: datetime | None) -> int:
    mark_lost(connection, ProcessIdentity.current())
    connection.execute("PRAGMA secure_delete=ON")
    set_durable(connection, True)
    with transaction(connection):
        ended = connection.execute("SELECT id, numbers FROM exchange WHERE status <> 'started'")
        moment = None if before is None else before.astimezone()
        doomed = [
            (number,) for number, numbers in ended if moment is None or started_of(numbers) < moment
        ]
        connection.execute("CREATE TEMP TABLE doomed(id INTEGER PRIMARY KEY)")
        connection.executemany("INSERT INTO doomed VALUES (?)", doomed)
        # A message whose text stands in a row that goes takes it over, if another row needs it.
        connection.execute(_KEEP_TEXTS)
        for statement in _DELETE:
            connection.execute(statement)
    with suppress(sqlite3.Error):  # another kernel reads just now: the space is reused later
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return len(doomed)
