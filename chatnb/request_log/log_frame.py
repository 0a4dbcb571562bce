"""The log as a DataFrame: built when asked for, columns kept, only new rows added."""

from __future__ import annotations

import gc
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from chatnb.parameters import columns as parameter_kinds
from chatnb.request_log.log_columns import columns_of
from chatnb.request_log.log_rows import (
    LogRow,
    as_log_row,
    context_of,
    contexts_after,
    purges,
    rows_after,
)

if TYPE_CHECKING:
    from chatnb.request_log import RequestLog
    from chatnb.request_log.log_record import Record

# What is kept is changed in place, and the panel asks beside the main thread.
_ALONE = threading.Lock()
# A row is called lost by mistake where process ids lie; the process then finishes it all the same.
_MAY_CHANGE = ("started", "lost")
_BEFORE = (
    *("id", "started", "kernel", "notebook", "conversation", "turn", "cell", "source"),
    *("comparison", "base_url", "model", "response_model", "status", "finish_reason", "prompt"),
    *("reply", "reasoning", "choices", "messages"),
)
_AFTER = (
    *("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "reasoning_tokens"),
    *("usage_source", "cost", "first_token_s", "seconds", "attempts", "attempt_log", "adjusted"),
    *("http_status", "request_id", "error_kind", "error_param", "error", "error_detail", "request"),
    "response",
)


class LogFrame(pd.DataFrame):
    """The log as a DataFrame; as the output of a cell it shows its newest rows and totals.

    Every operation on it gives an ordinary DataFrame.
    """

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return pd.DataFrame

    def __repr__(self) -> str:
        from chatnb.request_log.log_view import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from chatnb.request_log.log_view import as_html

        return as_html(self)


@dataclass
class _Kept:
    """What was read of the file so far, and which of its rows may still change."""

    connection: sqlite3.Connection | None
    purges: int
    rows: pd.DataFrame
    contexts: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    open: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    last: int = 0
    unwritten: tuple[Record, ...] = ()
    shown: pd.DataFrame | None = None


def frame(log: RequestLog, *, all: bool = False) -> LogFrame:
    """The rows of this kernel, or of every kernel, oldest first.

    >>> from pathlib import Path
    >>> from chatnb.request_log import RequestLog
    >>> len(frame(RequestLog(Path(":memory:"))))
    0

    Columns and their types are the same when it is empty. Changing the frame changes nothing else.
    """
    with _ALONE, _no_collections():
        kept, changed = _read(log, all)
        log.kept.pop(all, None)  # what an interrupt leaves half done is read anew
        unwritten = log.unwritten()
        if changed or kept.shown is None or unwritten != kept.unwritten:
            _add(kept, changed, log)
            kept.unwritten = unwritten
            kept.shown = _with_unwritten(kept, log)
            changed.clear()  # what is freed here need not be looked through
        log.kept[all] = kept
        return LogFrame(kept.shown.copy(deep=False))


@contextmanager
def _no_collections() -> Iterator[None]:
    """Hundreds of thousands of new values would be looked through again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read(log: RequestLog, all: bool) -> tuple[_Kept, list[tuple[Any, ...]]]:
    """What was kept, if it is still valid, and the rows that are new or have changed."""
    kernel = None if all else log.kernel

    def read(connection: sqlite3.Connection) -> tuple[_Kept, list[tuple[Any, ...]]]:
        kept = log.kept.get(all)
        count = purges(connection)
        if kept is None or kept.connection is not connection or kept.purges != count:
            kept = _Kept(connection, count, _table((), {}, log))
        rows = rows_after(connection, kept.last, kept.open, kernel)
        # A context is written with its first row: read after the rows, none is missing.
        kept.contexts |= contexts_after(connection, max(kept.contexts, default=0), kernel)
        known = kept.open
        return kept, [row for row in rows if known.get(row[0]) != row] if known else rows

    return log.read(read) or (_Kept(None, 0, _table((), {}, log)), [])


def _table(
    rows: Sequence[tuple[Any, ...]], contexts: Mapping[int, Mapping[str, Any]], log: RequestLog
) -> pd.DataFrame:
    parameters = parameter_kinds()
    columns = columns_of(rows, contexts, parameters, log)
    order = (*_BEFORE, *parameters, *_AFTER)
    return pd.DataFrame({name: columns[name] for name in order}, copy=False)


def _add(kept: _Kept, changed: list[tuple[Any, ...]], log: RequestLog) -> None:
    """Add rows, in place of older versions of them."""
    if not changed:
        return
    kept.rows = _overlaid(kept.rows, _table(changed, kept.contexts, log))
    kept.last = max(kept.last, *(row[0] for row in (changed[-1], *changed[:1])))
    if kept.open:
        for row in changed:
            kept.open.pop(row[0], None)
    status = LogRow._fields.index("status")
    kept.open |= {row[0]: row for row in changed if row[status] in _MAY_CHANGE}


def _overlaid(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """All rows by id, the new version of those that are in both."""
    if old.empty:
        return new
    old_ids, new_ids = (each["id"].to_numpy("int64") for each in (old, new))
    if old_ids[-1] < new_ids.min():
        return pd.concat([old, new], ignore_index=True)
    both = pd.concat([old[~np.isin(old_ids, new_ids)], new])
    return both.sort_values("id", kind="stable", ignore_index=True)


def _with_unwritten(kept: _Kept, log: RequestLog) -> pd.DataFrame:
    """The rows of the file, and those that are in memory only at the end."""
    if not kept.unwritten:
        return kept.rows
    contexts = {
        place: context_of(record.row.context, record.owner.kernel, record.owner.notebook)
        for place, record in enumerate(kept.unwritten)
    }
    rows = [as_log_row(record, place) for place, record in enumerate(kept.unwritten)]
    table = _table(rows, contexts, log)
    written = kept.rows[~kept.rows["id"].isin(table["id"])]
    return table if written.empty else pd.concat([written, table], ignore_index=True)
