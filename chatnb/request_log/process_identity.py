"""Which process this is, so that another one can tell whether it still lives."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process of one boot of one machine (or of one container).

    >>> ProcessIdentity.current().is_gone(ProcessIdentity.current())
    False

    `started` tells a process from a later one that got the same id.
    """

    host: str
    boot: str
    pid: int
    started: str

    @classmethod
    def current(cls) -> ProcessIdentity:
        pid = os.getpid()
        return cls(socket.gethostname(), _boot(), pid, _start_of(pid) or "")

    def is_gone(self, here: ProcessIdentity) -> bool:
        """Whether this process has certainly ended, as seen by the process `here`.

        Process ids mean nothing on another host, so only the same host may say so.
        """
        if self.host != here.host:
            return False
        if self.boot != here.boot:
            return True
        started = _start_of(self.pid)
        return started is not None and started != self.started


def lives(pid: int) -> bool:
    """Whether a process of this user has this id: none that has ended, none of somebody else.

    >>> lives(os.getpid())
    True
    """
    if _start_of(pid) == "":  # also one that has ended and whose parent has not asked for it yet
        return False
    if hasattr(os, "getuid"):  # on Windows os.kill would interrupt it
        try:
            os.kill(pid, 0)
        except OSError:
            return False
    return True


def _boot() -> str:
    """One word per boot and container; empty where the system does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _start_of(pid: int) -> str | None:
    """When a process started, "" if there is none, None where that cannot be known."""
    if sys.platform.startswith("linux"):
        return _linux_start_of(pid)
    try:
        import psutil  # ipykernel brings it; without it no row is ever called lost
    except ImportError:
        return None
    try:
        return str(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return ""
    except psutil.Error:
        return None


def _linux_start_of(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    except OSError:
        return None
    # The name in parentheses may hold blanks and parentheses itself.
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state in "ZX" else fields[18]
