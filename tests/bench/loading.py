"""What `%load_ext chatnb` costs a fresh kernel, and what the first reply costs on top."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from tests.bench.environment import new_log
from tests.bench.kernels import bare_start, chat, load_and_connect, started_kernel
from tests.bench.repeated import interleaved
from tests.bench.server_process import ServerProcess
from tests.bench.table import Figure

_ROUNDS = 5


@dataclass(frozen=True)
class Load:
    """One fresh kernel: an empty cell, then `%load_ext`."""

    empty_s: float
    empty_mb: float
    seconds: float
    mb: float


def load_ext(server: ServerProcess) -> Iterator[Figure]:
    """`%load_ext` as a cell, with an empty cell beside it."""
    loads = [_one_load() for _ in range(_ROUNDS)]
    empty_ms = median(load.empty_s for load in loads) * 1e3
    empty_mb = median(load.empty_mb for load in loads)
    milliseconds = median(load.seconds for load in loads) * 1e3
    megabytes = median(load.mb for load in loads)
    name = "%load_ext chatnb in a fresh kernel"
    yield Figure(f"{name}, time", milliseconds, 10, " ms", f"an empty cell {empty_ms:.3g} ms")
    yield Figure(f"{name}, memory", megabytes, 0.5, " MB", f"an empty cell {empty_mb:.2g} MB")


def _one_load() -> Load:
    with started_kernel() as kernel:
        before = kernel.memory_mb()
        empty = median(kernel.timed("pass").seconds for _ in range(5))
        between = kernel.memory_mb()
        seconds = kernel.timed("%load_ext chatnb").seconds
        return Load(empty, between - before, seconds, kernel.memory_mb() - between)


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
