"""Rows of the log as columns of numpy arrays: what the DataFrame is made of.

Missing text is pandas.NA from the start: a column of strings is then taken over as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, SupportsIndex, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chatnb.log_record import NUMBERS, restored
from chatnb.log_rows import LogRow, messages_of

if TYPE_CHECKING:
    from chatnb.records import Message
    from chatnb.request_log import RequestLog

_SURROGATE = re.compile("[\ud800-\udfff]")
_SHARED = (
    *("kernel", "notebook", "conversation", "source", "comparison", "base_url", "model"),
    *("response_model", "finish_reason", "usage_source", "error_kind", "attempt_log", "adjusted"),
)
_TEXTS = ("cell", "prompt", "reply", "request_id", "response")
_DETAILS = ("reasoning", "attempt_log", "error", "error_detail")
_FLOATS = ("cost", "first_token_s", "seconds")

Array = NDArray[Any]


class Column(NamedTuple):
    """The values of a column, and where numbers are missing."""

    values: Array
    missing: Array | None = None

    def taken(self, places: Array) -> Column:
        missing = None if self.missing is None else self.missing[places]
        return Column(self.values[places], missing)

    def followed_by(self, other: Column) -> Column:
        if not len(self.values):
            return other
        values = np.concatenate([self.values, other.values])
        if self.missing is None or other.missing is None:
            return Column(values)
        return Column(values, np.concatenate([self.missing, other.missing]))


Columns = dict[str, Column]


class Choices(list[str]):
    """The texts of a row's choices; a list that cannot be changed, since frames share it."""

    __slots__ = ()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("The log's rows are records: list(choices) is a copy that can be changed.")

    append = extend = insert = remove = pop = clear = sort = reverse = _refuse
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse  # type: ignore[assignment]  # that is the point

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
    """The columns of rows, in no particular order; `parameters` names their kinds."""
    fields = LogRow(*(zip(*rows, strict=True) if rows else repeat((), len(LogRow._fields))))
    columns = {"id": Column(np.array(fields.id, "int64"), np.zeros(len(rows), bool))}
    columns |= _numbers(fields.numbers)
    columns |= _shared(fields.context, contexts, parameters)
    columns["status"] = Column(_objects(fields.status))
    for name in _TEXTS:
        columns[name] = Column(_texts(getattr(fields, name)))
    columns |= _details(fields, columns)
    columns["messages"] = Column(_objects(map(Messages, repeat(log), fields.id), len(rows)))
    return columns


def _numbers(packed: Sequence[bytes]) -> Columns:
    table = np.frombuffer(b"".join(packed), "<f8").reshape(-1, len(NUMBERS))
    columns = {"started": Column(table[:, 0].astype("int64").astype("M8[us]"))}
    for name, values in zip(NUMBERS[1:], table.T[1:], strict=True):
        missing = np.isnan(values)
        kind = "float64" if name in _FLOATS else "int64"
        columns[name] = Column(np.where(missing, 0, values).astype(kind), missing)
    return columns


def _shared(
    numbers: Sequence[int], contexts: Mapping[int, Mapping[str, Any]], kinds: Mapping[str, str]
) -> Columns:
    """Columns that repeat: each distinct context is converted once."""
    unique, places = np.unique(np.array(numbers, "int64"), return_inverse=True)
    found = [contexts[number] for number in unique.tolist()]
    columns = {name: Column(_objects([_text(each.get(name)) for each in found])) for name in _SHARED}
    parameters = [each["parameters"] for each in found]
    for name, kind in kinds.items():
        columns[name] = parameter_column([each.get(name) for each in parameters], kind)
    rest = [{key: each[key] for key in each if key not in kinds} for each in parameters]
    columns["request"] = Column(_objects([_text(each or None) for each in rest]))
    return {name: column.taken(places) for name, column in columns.items()}


def parameter_column(values: Sequence[Any], kind: str) -> Column:
    """The values of one request parameter; what does not fit its kind is missing."""
    if kind in ("string", "json"):
        return Column(_objects([_text(value) for value in values]))
    fits, dtype = _KINDS[kind]
    missing = np.array([not fits(value) for value in values], bool)
    filled = [0 if gone else value for value, gone in zip(values, missing, strict=True)]
    return Column(np.array(filled, dtype), missing)


def _is_whole(value: object) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def _is_number(value: object) -> bool:
    return type(value) is float or (type(value) is int and abs(value) < 2**1023)


_KINDS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "Float64": (_is_number, "float64"),
    "Int64": (_is_whole, "int64"),
    "boolean": (lambda value: type(value) is bool, "bool"),
}


def _details(fields: Any, columns: Columns) -> Columns:
    """What only some rows have; the choices are the reply where nothing else is said."""
    reply = columns["reply"].values
    choices = _objects(map(Choices, zip(reply, strict=True)), len(reply))
    for place in np.flatnonzero(pd.isna(reply)):
        choices[place] = Choices()
    found: dict[str, Array] = {name: np.full(len(reply), pd.NA, object) for name in _DETAILS}
    found["attempt_log"] = columns["attempt_log"].values
    for place, text in enumerate(fields.details):
        if text is None:
            continue
        details = json.loads(text)
        for name in details.keys() & found.keys():
            found[name][place] = _text(details[name])
        if "choices" in details:
            choices[place] = Choices(map(_text, details["choices"]))
    return {"choices": Column(choices)} | {name: Column(found[name]) for name in found}


def _texts(values: Sequence[Any]) -> Array:
    array = _objects(values)
    kinds = set(map(type, values))
    if bytes in kinds:
        for place, value in enumerate(values):
            array[place] = _text(restored(value)) if type(value) is bytes else value
    if type(None) in kinds:
        array[np.equal(array, None)] = pd.NA
    return array


def _text(value: Any) -> Any:
    """Text that every library takes: JSON for what is none, U+FFFD for half a character."""
    if value is None:
        return pd.NA
    if not isinstance(value, str):
        return json.dumps(value)
    return value if value.isascii() else _SURROGATE.sub("\ufffd", value)


def _objects(values: Iterable[Any], count: int = -1) -> Array:
    return np.fromiter(values, object, count)
