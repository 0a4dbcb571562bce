"""A server without latency, in a process of its own: raw keep-alive HTTP/1.1 on 127.0.0.1.

It says its port on stdout and ends with its stdin. GET /connections tells how many connections
have brought a chat request, GET /first-chunk when the last stream sent its first text: by
time.monotonic(), the clock that all processes of a machine share.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from io import BufferedReader

from tests.bench.answers import Answer, answer_to, json_answer

_LONGEST_HEAD = 65_536


class Server:
    """Answers every connection in a thread of its own."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._connections = 0
        self._first_chunk: float | None = None

    def run(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        counted = False
        with connection, connection.makefile("rb") as received:
            while request := _request(received):
                line, body = request
                try:
                    if not line.startswith(b"POST"):
                        connection.sendall(self._told(line))
                        continue
                    self._connections += not counted
                    counted = True
                    self._send(connection, answer_to(body))
                except OSError:  # the SDK closes its streams early
                    return

    def _told(self, line: bytes) -> bytes:
        if line.startswith(b"GET /connections "):
            return json_answer(self._connections)
        if line.startswith(b"GET /first-chunk "):
            return json_answer(self._first_chunk)
        return json_answer({"error": {"message": "not here"}}, b"404 Not Found")

    def _send(self, connection: socket.socket, answer: Answer) -> None:
        connection.sendall(answer.head)
        self._first_chunk = time.monotonic()
        if answer.per_second is None:
            connection.sendall(answer.whole)
            return
        for number, chunk in enumerate(answer.chunks):
            due = self._first_chunk + number / answer.per_second
            time.sleep(max(0.0, due - time.monotonic()))
            connection.sendall(chunk)
        connection.sendall(answer.end)


def _request(received: BufferedReader) -> tuple[bytes, bytes] | None:
    """The first line and the body of the next request; None where the client has left."""
    try:
        line = received.readline(_LONGEST_HEAD)
        length = 0
        while (header := received.readline(_LONGEST_HEAD)) not in (b"\r\n", b""):
            name, _, value = header.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return (line, received.read(length)) if line else None
    except OSError:
        return None


def main() -> None:
    server = Server()
    threading.Thread(target=server.run, daemon=True).start()
    print(server.port, flush=True)
    sys.stdin.read()
    os._exit(0)  # threads may wait for clients


if __name__ == "__main__":
    main()
