"""Starts the benchmark's server, asks it what it saw, and ends it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from types import TracebackType
from typing import Any, Self


class ServerProcess:
    """The server in its own process, so that no kernel shares an interpreter with it."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self._origin = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        self.base_url = f"{self._origin}/v1"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=10)

    def connections(self) -> int:
        """How many connections have brought a chat request so far."""
        return int(self._told("connections"))

    def first_chunk(self) -> float:
        """When the last answer sent its first text, by time.monotonic()."""
        return float(self._told("first-chunk"))

    def _told(self, path: str) -> Any:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self._origin}/{path}") as response:
            return json.load(response)
