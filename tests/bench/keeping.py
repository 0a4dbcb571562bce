"""What is kept: rows of the log, the frame, the memory and the disk of a long conversation."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.bench.environment import new_log
from tests.bench.kernels import (
    TimedKernel,
    bare_start,
    bare_turn,
    chat,
    connected_kernel,
    started_kernel,
)
from tests.bench.server_process import ServerProcess
from tests.bench.table import Figure

_TURNS = 500
_LENGTH = 300  # characters of each message
_ROWS = 100_000


def rows(server: ServerProcess) -> Iterator[Figure]:
    """The row that says how a request ended, beside SQLite alone with the same values."""
    with started_kernel() as kernel:
        kernel.timed("from tests.bench import inside")
        on_disk = kernel.value("inside.finished_rows()")
        in_memory = kernel.value("inside.finished_rows(':memory:')")
    ours, bare = on_disk
    beside = f"{ours:.3g} ms over {bare:.3g} ms"
    yield Figure("a finished row on disk, over the bare insert", ours / bare, 2, "", beside)
    ours, bare = (milliseconds * 1e3 for milliseconds in in_memory)
    beside = f"{ours:.3g} µs, the bare insert {bare:.3g} µs"
    yield Figure("a finished row in memory, on top of the insert", ours - bare, 10, " µs", beside)


def frame(server: ServerProcess) -> Iterator[Figure]:
    """The log as a DataFrame."""
    with started_kernel() as kernel:
        kernel.timed("import pandas, chatnb\nfrom tests.bench import inside")
        kernel.timed(f"inside.write_rows({_ROWS})")
        seconds, again, size = kernel.value("inside.frame_seconds()")
        bare = kernel.value(f"inside.bare_frame_seconds({_ROWS})")
    assert size >= _ROWS, f"{size} rows in the frame"
    beside = f"SQLite and pandas alone, eight columns {bare:.3g} s"
    yield Figure(f"{_ROWS:,} rows into a DataFrame", seconds, 0.3, " s", beside)
    yield Figure("asked again with nothing new", again * 1e3, 5, " ms")


def long_conversation(server: ServerProcess) -> Iterator[Figure]:
    """500 turns in cells: what the kernel and the disk hold afterwards."""
    log = new_log()
    with connected_kernel(server.base_url, log) as kernel:
        memory = _growth_mb(kernel, chat)
    with started_kernel() as kernel:
        cells = _growth_mb(kernel, "text = reply = {!r}".format)
    with started_kernel() as kernel:
        kernel.timed(f"{bare_start(server.base_url)}\nmessages = []")
        bare = _growth_mb(kernel, bare_turn)
    text = 2 * (10 + _TURNS) * _LENGTH
    disk = sum(path.stat().st_size for path in log.parent.glob(f"{log.name}*"))
    beside = f"bare SDK with its messages in a list {bare:.2g} MB, no request at all {cells:.2g} MB"
    yield Figure(f"memory for {_TURNS} turns", memory, 5, " MB", beside)
    beside = f"{disk:,} bytes for {text:,}"
    yield Figure(f"the log on disk after {_TURNS} turns, over the text", disk / text, 3, "", beside)


def _growth_mb(kernel: TimedKernel, cell: Callable[[str], str]) -> float:
    """Memory that 500 such cells leave behind, after a few that warm the kernel up."""
    for number in range(10):
        kernel.timed(cell(_text(number)))
    before = _settled_mb(kernel)
    for number in range(10, 10 + _TURNS):
        kernel.timed(cell(_text(number)))
    return _settled_mb(kernel) - before


def _settled_mb(kernel: TimedKernel) -> float:
    kernel.timed("import gc\n_ = gc.collect()")
    return kernel.memory_mb()


def _text(number: int) -> str:
    """A prompt of its own, which the server echoes: 600 characters of new text a turn."""
    return f"{number:06}" + "".join(f" {number * step % 9973:05}" for step in range(1, 50))
