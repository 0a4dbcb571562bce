"""Directories that only their user can enter."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def make_directory(directory: Path) -> None:
    """Make a directory, and those above it that are missing, closed to others whatever the umask.

    >>> make_directory(Path("~/.local/state/chatnb").expanduser())          # doctest: +SKIP

    One that is there stays as it is. Raises OSError.
    """
    for each in reversed([directory, *directory.parents]):
        if not each.exists():
            each.mkdir(0o700, exist_ok=True)
