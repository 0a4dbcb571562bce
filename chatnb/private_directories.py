"""Directories that only their user can enter."""

from __future__ import annotations

import os
import stat
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


def check_owner(directory: Path) -> None:
    """Raise PermissionError where a directory belongs to somebody else, who can swap its files.

    >>> check_owner(Path("/"))

    A link to a directory of one's own is fine, and one of the system: where all may write into it,
    a file in it stays its owner's.
    """
    found = directory.stat()
    if not hasattr(os, "geteuid") or found.st_uid in (0, os.geteuid()):
        return
    try:
        # Changes nothing, and only the owner may: on a network the numbers of users may differ.
        directory.chmod(stat.S_IMODE(found.st_mode))
    except PermissionError:
        raise PermissionError(f"{directory} belongs to somebody else, who could read it") from None
