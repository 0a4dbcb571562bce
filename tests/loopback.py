"""A real HTTP server on loopback that answers like the API, or misbehaves as the model's name says.

    with LoopbackServer() as server:
        Connection(server.base_url, model="echo")         # repeats the last message
        Connection(server.base_url, model="status-500")   # refuses

A way to misbehave is one function in `misbehavior.py`, named by `@answers("its-name")`; it gets an
`Exchange` and writes whatever bytes it likes. Standard library only; everything is kept in
`server.requests`.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

PATIENCE_S = 40.0


@dataclass
class Received:
    """One request as it came, and what became of it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int
    at: float = field(default_factory=time.monotonic)
    left: threading.Event = field(default_factory=threading.Event)
    left_at: float | None = None

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def model(self) -> str:
        value = json.loads(self.body or b"{}")
        return value.get("model", "") if isinstance(value, dict) else ""

    def client_left(self) -> None:
        self.left_at = self.left_at or time.monotonic()
        self.left.set()


class ClientGone(Exception):
    """The client closed its end, or the server is closing."""


class Exchange:
    """One request and the connection to answer it on."""

    def __init__(
        self, server: LoopbackServer, connection: socket.socket, received: Received
    ) -> None:
        self.server = server
        self.connection = connection
        self.received = received
        self.keeps_alive = True

    @property
    def try_number(self) -> int:
        """1 for the first request with this body, 2 for the next, ..."""
        return sum(request.body == self.received.body for request in self.server.requests)

    @property
    def streams(self) -> bool:
        return self.received.json.get("stream") is True

    @property
    def argument(self) -> str:
        """What follows "=" in the model's name."""
        return self.received.model.partition("=")[2]

    def send(self, data: bytes) -> None:
        try:
            self.connection.sendall(data)
        except OSError as error:
            self.received.client_left()
            raise ClientGone from error

    def head(self, status: int, headers: Mapping[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} Whatever", *(f"{key}: {headers[key]}" for key in headers)]
        self.send("\r\n".join([*lines, "", ""]).encode())

    def body(
        self,
        status: int,
        body: bytes,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """A whole answer with its length."""
        self.head(
            status,
            {
                "content-type": content_type,
                "content-length": str(len(body)),
                "x-request-id": f"req-{len(self.server.requests)}",
                **(headers or {}),
            },
        )
        self.send(body)

    def json(
        self, value: object, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        self.body(status, json.dumps(value).encode(), headers=headers)

    def begin_stream(self, headers: Mapping[str, str] | None = None) -> None:
        """The headers of a chunked stream of events; `chunk` and `end` go on."""
        self.head(
            200,
            {
                "content-type": "text/event-stream",
                "transfer-encoding": "chunked",
                "x-request-id": f"req-{len(self.server.requests)}",
                **(headers or {}),
            },
        )

    def chunk(self, data: bytes) -> None:
        self.send(b"%x\r\n%b\r\n" % (len(data), data))

    def event(self, value: object) -> None:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.chunk(b"data: " + data + b"\n\n")

    def text(self, text: str, index: int = 0) -> None:
        self.event(delta({"content": text}, index=index))

    def finish(self, reason: str = "stop") -> None:
        """The last words of a proper stream."""
        self.event(delta({}, reason))
        self.event({"id": "chatcmpl-1", "model": "loopback", "choices": [], "usage": USAGE})
        self.event(b"[DONE]")
        self.end()

    def end(self) -> None:
        self.send(b"0\r\n\r\n")

    def close(self) -> None:
        """Close the connection, as after an answer without a length."""
        self.keeps_alive = False

    def reset(self) -> None:
        """Break the connection: the client sees `Connection reset by peer`."""
        self.keeps_alive = False
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def pause(self, seconds: float) -> None:
        """Let time pass; ClientGone at once where the client leaves meanwhile."""
        readable, _, _ = select.select([self.connection], [], [], seconds)
        if readable and not self._peek():
            self.received.client_left()
            raise ClientGone

    def _peek(self) -> bytes:
        try:
            return self.connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return b""

    def stall(self) -> None:
        """Say nothing more until the client has left."""
        self.pause(PATIENCE_S)
        raise ClientGone


USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}

Answer = Callable[[Exchange], None]


def delta(value: object, finish_reason: str | None = None, index: int = 0) -> dict[str, Any]:
    """A chunk of a streamed answer."""
    choice = {"index": index, "delta": value, "finish_reason": finish_reason}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "loopback",
            "choices": [choice]}  # fmt: skip


def completion(text: str | None, finish_reason: str | None = "stop") -> dict[str, Any]:
    """A plain answer."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": finish_reason,
    }
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": "loopback",
            "choices": [choice], "usage": USAGE}  # fmt: skip


class LoopbackServer:
    """The server: a context manager; a thread accepts, and each connection has one."""

    def __init__(self, port: int = 0) -> None:
        self.requests: list[Received] = []
        self.connections = 0
        self._arrived = threading.Condition()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", port), backlog=200)
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def wait_for_requests(self, count: int) -> Received:
        """The newest request, once so many have come."""
        with self._arrived:
            came = self._arrived.wait_for(lambda: len(self.requests) >= count, PATIENCE_S)
        assert came, f"{len(self.requests)} requests came, not {count}"
        return self.requests[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        _shut(self._listener)
        for connection in list(self._open):
            _shut(connection)
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True, name="loopback")
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            self._open.add(connection)
            self._start(lambda connection=connection, number=self.connections: self._serve(
                connection, number))  # fmt: skip

    def _serve(self, connection: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError, ClientGone), connection.makefile("rb") as stream:
            while received := _read_request(stream, number):
                with self._arrived:
                    self.requests.append(received)
                    self._arrived.notify_all()
                if not self._answer(Exchange(self, connection, received)):
                    break
        self._open.discard(connection)
        _shut(connection)

    def _answer(self, exchange: Exchange) -> bool:
        from tests.misbehavior import answer_for

        try:
            answer_for(exchange)(exchange)
        except OSError as error:
            raise ClientGone from error
        return exchange.keeps_alive


def _read_request(stream: Any, connection: int) -> Received | None:
    start = stream.readline().decode("latin-1").split()
    if len(start) < 2:
        return None
    headers = dict(_headers(stream))
    body = stream.read(int(headers.get("content-length", 0)))
    return Received(start[0], start[1], headers, body, connection)


def _headers(stream: Any) -> Iterator[tuple[str, str]]:
    while line := stream.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        yield name.lower(), value.strip()


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
