"""One process at a time, among all of a user's, and a wait that can be stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chatnb.errors import Interrupted


@contextmanager
def alone(lock_file: Path, stopped: Callable[[], bool], line: str) -> Iterator[None]:
    """Here no other process is; raises Interrupted with the line once `stopped()`."""
    from filelock import FileLock, Timeout

    lock = FileLock(lock_file, mode=0o600)
    while True:
        raise_if(stopped, line)
        try:
            lock.acquire(timeout=0.2, poll_interval=0.02)
            break
        except Timeout:
            continue
    try:
        yield
    finally:
        lock.release()


def raise_if(stopped: Callable[[], bool], line: str) -> None:
    if stopped():
        raise Interrupted(line, kind="interrupted")
