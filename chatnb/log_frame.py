"""The log as a DataFrame: built when asked for, columns kept, only new rows added."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from chatnb.log_columns import Column, Columns, columns_of
from chatnb.log_rows import LogRow, context_of, contexts_after, purges, rows_after
from chatnb.parameters import columns as parameter_kinds

if TYPE_CHECKING:
    from chatnb.log_record import Record
    from chatnb.request_log import RequestLog

# A row is called lost by mistake where process ids lie; the process then finishes it all the same.
_MAY_CHANGE = ("started", "lost")
_BEFORE: Mapping[str, str] = {
    "id": "Int64",
    "started": "time",
    "kernel": "string",
    "notebook": "string",
    "conversation": "string",
    "turn": "Int64",
    "cell": "string",
    "source": "string",
    "comparison": "string",
    "base_url": "string",
    "model": "string",
    "response_model": "string",
    "status": "string",
    "finish_reason": "string",
    "prompt": "string",
    "reply": "string",
    "reasoning": "string",
    "choices": "object",
    "messages": "object",
}
_AFTER: Mapping[str, str] = {
    "prompt_tokens": "Int64",
    "completion_tokens": "Int64",
    "total_tokens": "Int64",
    "cached_tokens": "Int64",
    "reasoning_tokens": "Int64",
    "usage_source": "string",
    "cost": "Float64",
    "first_token_s": "Float64",
    "seconds": "Float64",
    "attempts": "Int64",
    "attempt_log": "string",
    "adjusted": "string",
    "http_status": "Int64",
    "request_id": "string",
    "error_kind": "string",
    "error": "string",
    "error_detail": "string",
    "request": "string",
    "response": "string",
}


class LogFrame(pd.DataFrame):
    """The log as a DataFrame; as the output of a cell it shows its newest rows and totals.

    Every operation on it gives an ordinary DataFrame.
    """

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return pd.DataFrame

    def __repr__(self) -> str:
        from chatnb.log_view import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from chatnb.log_view import as_html

        return as_html(self)


@dataclass
class _Kept:
    """What was read so far: columns of the file's rows, and the rows that may still change."""

    connection: sqlite3.Connection | None
    purges: int
    columns: Columns
    contexts: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    open: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    last: int = 0
    unwritten: tuple[Record, ...] = ()
    frame: pd.DataFrame | None = None


def frame(log: RequestLog, *, all: bool = False) -> LogFrame:
    """The rows of this kernel, or of every kernel, oldest first.

    >>> from pathlib import Path
    >>> from chatnb.request_log import RequestLog
    >>> len(frame(RequestLog(Path(":memory:"))))
    0

    Columns and their types are the same when it is empty. Changing the frame changes nothing else.
    """
    kinds = {**_BEFORE, **parameter_kinds(), **_AFTER}
    kept, changed = _read(log, all)
    unwritten = log.unwritten()
    if changed or kept.frame is None or unwritten != kept.unwritten:
        _merge(kept, changed, log)
        kept.unwritten = unwritten
        kept.frame = _frame_of(_with_unwritten(kept, log), kinds)
    return LogFrame(kept.frame.copy(deep=False))


def _read(log: RequestLog, all: bool) -> tuple[_Kept, list[tuple[Any, ...]]]:
    """What was kept, still valid, and the rows that it lacks."""
    kernel = None if all else log.kernel

    def read(connection: sqlite3.Connection) -> tuple[_Kept, list[tuple[Any, ...]]]:
        kept = log.kept.get(all)
        count = purges(connection)
        if kept is None or kept.connection is not connection or kept.purges != count:
            kept = _nothing(log, connection, count)
        rows = rows_after(connection, kept.last, kept.open, kernel)
        known = kept.open
        changed = [row for row in rows if known.get(row[0]) != row] if known else rows
        # A context is written with its first row: read after the rows, none is missing.
        kept.contexts |= contexts_after(connection, max(kept.contexts, default=0), kernel)
        return kept, changed

    found = log.read(read) or (_nothing(log, None, 0), [])
    log.kept[all] = found[0]
    return found


def _nothing(log: RequestLog, connection: sqlite3.Connection | None, count: int) -> _Kept:
    return _Kept(connection, count, columns_of((), {}, parameter_kinds(), log))


def _merge(kept: _Kept, changed: list[tuple[Any, ...]], log: RequestLog) -> None:
    """Add rows, in place of older versions of them."""
    if not changed:
        return
    new = columns_of(changed, kept.contexts, parameter_kinds(), log)
    kept.columns = _overlaid(kept.columns, new)
    kept.last = max(kept.last, int(new["id"].values.max()))
    for row in changed:
        kept.open.pop(row[0], None)
    may_change = np.flatnonzero(np.isin(new["status"].values, _MAY_CHANGE))
    kept.open |= {changed[place][0]: changed[place] for place in may_change}


def _overlaid(old: Columns, new: Columns) -> Columns:
    numbers = new["id"].values
    if len(old["id"].values) and numbers.min() <= old["id"].values[-1]:
        stay = np.flatnonzero(~np.isin(old["id"].values, numbers))
        old = {name: column.taken(stay) for name, column in old.items()}
    merged = {name: column.followed_by(new[name]) for name, column in old.items()}
    numbers = merged["id"].values
    if (np.diff(numbers) > 0).all():
        return merged
    order = np.argsort(numbers, kind="stable")
    return {name: column.taken(order) for name, column in merged.items()}


def _with_unwritten(kept: _Kept, log: RequestLog) -> Columns:
    """Rows that are in memory only have negative ids, the latest the lowest: they come last."""
    if not kept.unwritten:
        return kept.columns
    contexts = {
        -place: context_of(record.row.context, record.owner.kernel, record.owner.notebook)
        for place, record in enumerate(kept.unwritten, 1)
    }
    rows = [
        tuple(
            getattr(record.row, name, None) if name not in ("id", "context") else number
            for name, number in zip(LogRow._fields, (record.id, -place, *(0,) * 8), strict=True)
        )
        for place, record in enumerate(kept.unwritten, 1)
    ]
    merged = _overlaid(kept.columns, columns_of(rows, contexts, parameter_kinds(), log))
    order = np.lexsort((np.abs(merged["id"].values), merged["id"].values < 0))
    return {name: column.taken(order) for name, column in merged.items()}


def _frame_of(columns: Columns, kinds: Mapping[str, str]) -> pd.DataFrame:
    arrays = {name: _array(columns[name], kind) for name, kind in kinds.items()}
    return pd.DataFrame(arrays, copy=False)


def _array(column: Column, kind: str) -> Any:
    """A pandas array over the kept values, which cannot be written through it."""
    values, missing = column
    if kind in ("string", "json"):
        values.flags.writeable = True  # StringArray insists, though it finds nothing to change
        array: Any = pd.arrays.StringArray(values)
    elif kind == "time":
        array = pd.DatetimeIndex(values).tz_localize("UTC")
    else:
        array = values if kind == "object" else _MASKED[kind](values, missing)
    for each in (values, missing):
        if each is not None:
            each.flags.writeable = False
    return array


_MASKED: Mapping[str, Callable[..., Any]] = {
    "Float64": pd.arrays.FloatingArray,
    "Int64": pd.arrays.IntegerArray,
    "boolean": pd.arrays.BooleanArray,
}
