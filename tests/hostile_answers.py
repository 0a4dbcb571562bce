"""Answers that no proper server sends: without measure, badly framed, with an ink of their own."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from functools import cache

from tests.loopback import Answer, Exchange, completion, delta
from tests.misbehavior import echo

_WHOLE = json.dumps(completion("Hello")).encode()
MEGABYTE = b" " * 1_000_000
# More than anybody may send at once, and a fraction of a percent of it on the wire.
BOMB_MB = 400


@cache
def bomb() -> bytes:
    """Blanks, packed."""
    packer = zlib.compressobj(wbits=31)
    return b"".join([*(packer.compress(MEGABYTE) for _ in range(BOMB_MB)), packer.flush()])


def bomb_with(status: int) -> Answer:
    packed = {"content-encoding": "gzip"}
    return lambda exchange: exchange.body(status, bomb(), headers=packed)


def bomb_in_stream(exchange: Exchange) -> None:
    """Some text, and then one event that never ends."""
    packer = zlib.compressobj(wbits=31)
    begun = b"data: " + json.dumps(delta({"content": "Hello"})).encode() + b"\n\ndata: "
    exchange.begin_stream({"content-encoding": "gzip"})
    exchange.chunk(packer.compress(begun) + packer.flush(zlib.Z_SYNC_FLUSH))
    for _ in range(BOMB_MB):
        if packed := packer.compress(MEGABYTE):
            exchange.chunk(packed)
    exchange.end()


def line_without_end(exchange: Exchange) -> None:
    exchange.begin_stream()
    exchange.text("Hello")
    for _ in range(BOMB_MB):
        exchange.chunk(MEGABYTE)
    exchange.end()


def stalled_error(status: int) -> Answer:
    """An error that never says what it is."""

    def answer(exchange: Exchange) -> None:
        exchange.head(status, {"content-type": "application/json", "content-length": "1000"})
        exchange.send(b'{"error": ')
        exchange.stall()

    return answer


def slow_headers(exchange: Exchange) -> None:
    """Bytes keep coming, but no header ever ends."""
    exchange.send(b"HTTP/1.1 200 OK\r\nx: ")
    while True:
        exchange.send(b"x")
        exchange.pause(0.02)


def continue_forever(exchange: Exchange) -> None:
    while True:
        exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        exchange.pause(0.02)


def continue_then_answer(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")
    echo(exchange)


def trailers(exchange: Exchange) -> None:
    exchange.head(200, {"content-type": "application/json", "transfer-encoding": "chunked"})
    exchange.send(b"%x;name=value\r\n%b\r\n0\r\nx: y\r\n\r\n" % (len(_WHOLE), _WHOLE))


def last_of_its_connection(exchange: Exchange) -> None:
    exchange.body(200, _WHOLE, headers={"connection": "close"})
    exchange.close()


def with_length(difference: int) -> Answer:
    def answer(exchange: Exchange) -> None:
        exchange.head(200, {"content-length": str(len(_WHOLE) + difference)})
        exchange.send(_WHOLE)
        exchange.close()

    return answer


def two_lengths(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 7\r\n\r\nHello")
    exchange.close()


def encoded(body: bytes, encoding: str) -> Answer:
    return lambda exchange: exchange.body(200, body, headers={"content-encoding": encoding})


def said(*events: object) -> Answer:
    def answer(exchange: Exchange) -> None:
        exchange.begin_stream()
        for event in events:
            exchange.event(event)
        exchange.end()

    return answer


# What moves the cursor, rings, colors, breaks the line or turns the text around.
INK = "one\ntwo\x1b[31m\x07\x00\u2028\u202ethree"

HOSTILE: dict[str, Callable[[Exchange], None]] = {
    "bomb": bomb_with(200),
    "bomb-400": bomb_with(400),
    "bomb-in-stream": bomb_in_stream,
    "line-without-end": line_without_end,
    "stall-401-body": stalled_error(401),
    "stall-500-body": stalled_error(500),
    "stall-in-headers": slow_headers,
    "stall-with-continue": continue_forever,
    "continue": continue_then_answer,
    "trailers": trailers,
    "last-of-its-connection": last_of_its_connection,
    "byte-order-mark-json": lambda exchange: exchange.body(200, b"\xef\xbb\xbf" + _WHOLE),
    "too-long-a-length": with_length(10),
    "too-short-a-length": with_length(-10),
    "two-lengths": two_lengths,
    "no-gzip": encoded(_WHOLE, "gzip"),
    "half-gzip": encoded(gzip.compress(_WHOLE)[:-20], "gzip"),
    "brotli": encoded(b"\x0b\x02\x80hello", "br"),
    "done-only": said(b"[DONE]"),
    "role-only": said(delta({"role": "assistant"}), delta({}, "stop"), b"[DONE]"),
    "ink-in-error": lambda exchange: exchange.json(
        {"error": {"message": INK, "code": INK, "param": INK}}, 400
    ),
    "ink-in-finish": said(delta({"content": "Hello"}), delta({}, INK), b"[DONE]"),
    "far-redirect": lambda exchange: exchange.body(
        302, b"", "text/plain", {"location": "http://127.0.0.1:9/" + "x" * 5_000}
    ),
    "not-modified": lambda exchange: exchange.head(304, {}),
}  # fmt: skip
