"""A package index on loopback that sends half of a wheel and then nothing."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class StallingIndex:
    """`halfway` is set once half of the wheel has been sent."""

    def __init__(self, wheel: Path) -> None:
        self.wheel = wheel
        self.halfway = threading.Event()
        self.ended = threading.Event()

    @contextlib.contextmanager
    def serving(self):
        """Its URL, while it serves."""
        index = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                index.answer(self)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/simple/"
        finally:
            self.ended.set()
            server.shutdown()
            server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = self.wheel.read_bytes()
        is_wheel = handler.path.endswith(".whl")
        page = f'<a href="/{self.wheel.name}">{self.wheel.name}</a>'.encode()
        handler.send_response(200)
        handler.send_header("Content-Type", "application/zip" if is_wheel else "text/html")
        handler.send_header("Content-Length", str(len(body if is_wheel else page)))
        handler.end_headers()
        if not is_wheel:
            handler.wfile.write(page)
            return
        handler.wfile.write(body[: len(body) // 2])
        handler.wfile.flush()
        self.halfway.set()
        self.ended.wait(60)
