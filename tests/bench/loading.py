"""What `%load_ext chatnb` costs a fresh kernel, and what the first reply costs on top."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.environment import new_log
from tests.bench.kernels import bare_start, chat, load_and_connect, started_kernel
from tests.bench.repeated import interleaved
from tests.bench.server_process import ServerProcess
from tests.bench.table import Figure

_ROUNDS = 5
_ROWS = 10_000
_EXTENSION = "%load_ext chatnb"


@dataclass(frozen=True)
class Load:
    """One fresh kernel: an empty cell, then `%load_ext`."""

    empty_s: float
    empty_mb: float
    seconds: float
    mb: float


def load_ext(server: ServerProcess) -> Iterator[Figure]:
    """`%load_ext` as a cell, with an empty cell beside it; in a notebook it looks into the log."""
    yield from _loaded(f"{_EXTENSION} in a fresh kernel", [_one_load() for _ in range(_ROUNDS)])
    log = _full_log(server)
    with _in_notebook("lesson.ipynb"):
        new = [_one_load() for _ in range(_ROUNDS)]
        after = [_one_load(log) for _ in range(_ROUNDS)]
    yield from _loaded(f"{_EXTENSION} in a notebook, no log", new)
    yield from _loaded(f"{_EXTENSION} in a notebook, {_ROWS:,} rows", after)


def _loaded(name: str, loads: list[Load]) -> Iterator[Figure]:
    empty_ms = median(load.empty_s for load in loads) * 1e3
    empty_mb = median(load.empty_mb for load in loads)
    milliseconds = median(load.seconds for load in loads) * 1e3
    megabytes = median(load.mb for load in loads)
    yield Figure(f"{name}, time", milliseconds, 10, " ms", f"an empty cell {empty_ms:.3g} ms")
    yield Figure(f"{name}, memory", megabytes, 0.5, " MB", f"an empty cell {empty_mb:.2g} MB")


def _one_load(log: Path | None = None) -> Load:
    with started_kernel(log) as kernel:
        before = kernel.memory_mb()
        empty = median(kernel.timed("pass").seconds for _ in range(5))
        between = kernel.memory_mb()
        seconds = kernel.timed(_EXTENSION).seconds
        return Load(empty, between - before, seconds, kernel.memory_mb() - between)


def _full_log(server: ServerProcess) -> Path:
    """A log with the rows of another notebook, and a conversation of this one."""
    log = new_log()
    with _in_notebook("other.ipynb"), started_kernel(log) as kernel:
        kernel.timed(f"from tests.bench import inside\ninside.write_rows({_ROWS})")
    with _in_notebook("lesson.ipynb"), started_kernel(log) as kernel:
        kernel.timed(load_and_connect(server.base_url))
        kernel.timed(chat("Hello"))
    return log


@contextmanager
def _in_notebook(name: str) -> Iterator[None]:
    """Kernels that start here belong to a notebook, as in Jupyter; a bare kernel to none."""
    os.environ["JPY_SESSION_NAME"] = f"/somewhere/{name}"
    try:
        yield
    finally:
        del os.environ["JPY_SESSION_NAME"]


def first_reply(server: ServerProcess) -> Iterator[Figure]:
    """Load, connect and first reply, each side in a fresh kernel; the log is there already."""
    log = new_log()

    def chatnb(_: int) -> float:
        with started_kernel(log) as kernel:
            loaded = kernel.timed(load_and_connect(server.base_url)).seconds
            return loaded + kernel.timed(chat("Hello")).seconds

    def bare(_: int) -> float:
        with started_kernel() as kernel:
            return kernel.timed(bare_start(server.base_url)).seconds

    chatnb(0)
    sides = interleaved(_ROUNDS, chatnb, bare)
    yield Figure("load plus first reply, over the bare SDK", sides.ratio, 1.25, "", sides.beside())
