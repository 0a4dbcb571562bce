"""Rows of the log as pandas columns; it imports pandas, so it is imported when a frame is made."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any, NoReturn, SupportsIndex, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chatnb.request_log.log_record import NUMBERS, restored
from chatnb.request_log.log_rows import LogRow, messages_of

if TYPE_CHECKING:
    from chatnb.records import Message
    from chatnb.request_log import RequestLog

_SURROGATE = re.compile("[\ud800-\udfff]")
_STRING = pd.StringDtype("python")  # the same with and without pyarrow
_SHARED = (
    *("kernel", "notebook", "conversation", "source", "comparison", "base_url", "model"),
    *("response_model", "finish_reason", "usage_source", "error_kind", "error_param"),
    *("attempt_log", "adjusted"),
)
_TEXTS = ("status", "cell", "prompt", "reply", "request_id", "response")
_DETAILS = ("reasoning", "attempt_log", "error", "error_detail")
_FLOATS = ("cost", "first_token_s", "seconds")

Array = NDArray[Any]
Columns = dict[str, Any]


class Choices(list[str]):
    """The texts of a row's choices; a list that cannot be changed, since frames share it."""

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("The log's rows are records: list(choices) is a copy that can be changed.")

    append = extend = insert = remove = pop = clear = sort = reverse = _refuse
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)


class Messages(Sequence["dict[str, Any]"]):
    """The messages of a row as they were sent, read from the log when they are touched.

    A copy or a pickle is a plain list of them.
    """

    __slots__ = ("_exchange", "_log")

    def __init__(self, log: RequestLog, exchange: int) -> None:
        self._log = log
        self._exchange = exchange

    def _read(self) -> list[dict[str, Any]]:
        messages: Iterable[Message] = messages_of(self._log, self._exchange)
        return [message.to_wire() for message in messages]

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        return self._read()[index]

    def __len__(self) -> int:
        return len(self._read())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Messages, list, tuple)):
            return NotImplemented
        return self._read() == list(other)

    __hash__ = None  # type: ignore[assignment]  # equal to lists, which have none

    def __repr__(self) -> str:
        return f"<messages of exchange {self._exchange}>"

    def __reduce_ex__(self, _: SupportsIndex) -> tuple[Any, ...]:
        return list, (self._read(),)


def columns_of(
    rows: Sequence[tuple[Any, ...]],
    contexts: Mapping[int, Mapping[str, Any]],
    parameters: Mapping[str, str],
    log: RequestLog,
) -> Columns:
    """The columns of rows by name; `parameters` gives the kind of each request parameter."""
    # A LogRow whose fields are the values of all rows.
    fields: Any = LogRow(*(zip(*rows, strict=True) if rows else repeat((), len(LogRow._fields))))
    columns: Columns = {"id": _whole_numbers(np.array(fields.id, "int64"))}
    columns |= _numbers(fields.numbers)
    columns |= _shared(fields.context, contexts, parameters)
    columns |= {name: _texts(getattr(fields, name)) for name in _TEXTS}
    _add_details(columns, fields.details)
    columns["messages"] = _objects(map(Messages, repeat(log), fields.id), len(rows))
    return columns


def _numbers(packed: Sequence[bytes]) -> Columns:
    table = np.frombuffer(b"".join(packed), "<f8").reshape(-1, len(NUMBERS))
    moments = pd.DatetimeIndex(table[:, 0].astype("int64").astype("M8[us]"))
    columns: Columns = {"started": moments.tz_localize("UTC")}
    for name, values in zip(NUMBERS[1:], table.T[1:], strict=True):
        missing = np.isnan(values)
        filled = np.where(missing, 0, values)
        if name in _FLOATS:
            columns[name] = pd.arrays.FloatingArray(filled, missing)
        else:
            columns[name] = _whole_numbers(filled.astype("int64"), missing)
    return columns


def _whole_numbers(values: Array, missing: Array | None = None) -> Any:
    return pd.arrays.IntegerArray(
        values, np.zeros(len(values), bool) if missing is None else missing
    )


def _shared(
    numbers: Sequence[int], contexts: Mapping[int, Mapping[str, Any]], kinds: Mapping[str, str]
) -> Columns:
    """Columns that repeat: each distinct context is converted once."""
    unique, places = np.unique(np.array(numbers, "int64"), return_inverse=True)
    found = [contexts[number] for number in unique.tolist()]
    columns = {name: _strings([each.get(name) for each in found]) for name in _SHARED}
    parameters = [each["parameters"] for each in found]
    for name, kind in kinds.items():
        columns[name] = parameter_column([each.get(name) for each in parameters], kind)
    rest = ({key: each[key] for key in each if key not in kinds} for each in parameters)
    columns["request"] = _strings([each or None for each in rest])
    return {name: column.take(places) for name, column in columns.items()}


def parameter_column(values: Sequence[Any], kind: str) -> Any:
    """The values of one request parameter; what does not fit its kind is missing."""
    if kind in ("string", "json"):
        return _strings(values)
    fits = _FITS[kind]
    fitting: list[Any] = [value if fits(value) else None for value in values]
    return pd.Series(fitting, dtype=kind).array


def _is_whole(value: object) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def _is_number(value: object) -> bool:
    return type(value) is float or (type(value) is int and abs(value) < 2**1023)


_FITS: Mapping[str, Callable[[object], bool]] = {
    "Float64": _is_number,
    "Int64": _is_whole,
    "boolean": lambda value: type(value) is bool,
}


def _add_details(columns: Columns, details: Sequence[str | None]) -> None:
    """What only some rows have; the choices are the reply where nothing else is said."""
    reply = columns["reply"].to_numpy()
    choices = _objects(map(Choices, zip(reply, strict=True)), len(reply))
    for place in np.flatnonzero(columns["reply"].isna()).tolist():
        choices[place] = Choices()
    missing = _strings([None]).take(np.zeros(len(reply), "int64"))
    columns |= {name: missing.copy() for name in _DETAILS if name not in columns}
    for place, text in enumerate(details):
        if text is None:
            continue
        found = json.loads(text)
        for name in found.keys() & set(_DETAILS):
            columns[name][place] = _text(found[name])
        if "choices" in found:
            choices[place] = Choices(_text(choice) or "" for choice in found["choices"])
    columns["choices"] = choices


def _texts(values: Sequence[Any]) -> Any:
    """A column of stored text."""
    try:
        return _string_array(_objects(values, len(values)))
    except ValueError:  # half a character somewhere: such text is stored as bytes
        return _strings([restored(each) if type(each) is bytes else each for each in values])


def _strings(values: Sequence[Any]) -> Any:
    """A column of text, or of JSON where a value is none."""
    return _string_array(_objects(map(_text, values), len(values)))


def _string_array(values: Array) -> Any:
    """Text and None as a column; ValueError for anything else, where pandas.array would convert."""
    return pd.arrays.StringArray(values, dtype=_STRING)  # type: ignore[call-arg]  # its stub lags


def _text(value: Any) -> str | None:
    """Text that every library takes: JSON for what is none, U+FFFD for half a character."""
    if value is None:
        return None
    if not isinstance(value, str):
        return json.dumps(value)
    return value if value.isascii() else _SURROGATE.sub("\ufffd", value)


def _objects(values: Iterable[Any], count: int) -> Array:
    return np.fromiter(values, object, count)
