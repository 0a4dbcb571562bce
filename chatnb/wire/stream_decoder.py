"""Server-sent events out of bytes, however the network cut them, and their JSON."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import jiter

DONE = b"[DONE]"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One server-sent event: its name (mostly none) and its data."""

    name: bytes
    data: bytes


class EventDecoder:
    """Pieces of a byte stream in, whole events out.

    >>> decoder = EventDecoder()
    >>> decoder.feed(b"data: {}\\r")
    []
    >>> decoder.feed(b"\\n\\r\\n: a comment\\n")
    [Event(name=b'', data=b'{}')]

    Lines end at LF, CR or CRLF and nowhere else: text decoders also split at U+2028, U+2029 and
    U+0085, which are legal inside JSON strings.
    """

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._data: list[bytes] = []
        self._name = b""
        self._after_return = False
        self._at_start = True

    def feed(self, piece: bytes) -> list[Event]:
        """The events that this piece completes."""
        if self._after_return and piece:
            # The other half of a CRLF that was cut in two; the line has ended already.
            piece = piece.removeprefix(b"\n")
            self._after_return = False
        if not piece:
            return []
        self._after_return = piece.endswith(b"\r")
        self._rest.append(piece)
        if b"\n" not in piece and b"\r" not in piece:
            return []
        lines = self._take_rest().splitlines()
        if not piece.endswith((b"\n", b"\r")):
            self._rest.append(lines.pop())
        return self._events(lines)

    def end(self) -> list[Event]:
        """What a stream that ends without a last empty line still held."""
        return self._events([*self._take_rest().splitlines(), b""])

    def _take_rest(self) -> bytes:
        whole = self._rest[0] if len(self._rest) == 1 else b"".join(self._rest)
        self._rest = []
        if self._at_start and whole:
            self._at_start = False
            whole = whole.removeprefix(_BYTE_ORDER_MARK)
        return whole

    def _events(self, lines: list[bytes]) -> list[Event]:
        events = []
        for line in lines:
            if line.startswith(b"data: "):
                self._data.append(line[6:])
            elif line:
                self._field(line)
            else:
                if self._data:
                    events.append(Event(self._name, b"\n".join(self._data)))
                    self._data = []
                self._name = b""
        return events

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
        elif name == b"event":
            self._name = value.removeprefix(b" ")


def parsed(data: bytes) -> Any:
    """The JSON value of the bytes; ValueError where they are none."""
    try:
        # Only keys repeat: caching values would keep every token of every answer.
        return jiter.from_json(data, cache_mode="keys")
    except ValueError:
        # jiter refuses lone surrogates ("\\ud83d"), which models do send.
        try:
            return json.loads(data)
        except RecursionError as error:
            raise ValueError("JSON nested too deeply") from error
