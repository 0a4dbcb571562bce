"""No test talks to anyone but this machine: a connection that leaves loopback is refused.

An audit hook sees every connection that Python makes, whatever library asks for it. It raises, and
notes it in a file, so that a test fails even where the code under test swallows the error. This
file is also the first thing that each kernel of a test run executes.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from pathlib import Path
from typing import Any

# The variable that names the file in which a test's processes note what was refused.
REFUSED = "CHATNB_TESTS_REFUSED"


class LeftLoopback(RuntimeError):
    """A test wanted to talk to another machine."""


def install() -> None:
    """From now on; an audit hook cannot be removed."""
    sys.addaudithook(_audit)


def refused() -> list[str]:
    """What was refused since the last `forget`, in this process and in the kernels it started."""
    notes = Path(os.environ[REFUSED])
    return notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []


def forget() -> None:
    Path(os.environ[REFUSED]).unlink(missing_ok=True)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto"):
        _check(event, arguments[1])
    elif event == "socket.getaddrinfo":
        _check(event, (arguments[0],))


def _check(event: str, address: object) -> None:
    is_internet = isinstance(address, tuple) and bool(address)
    if is_internet and not _is_loopback(address[0]):  # type: ignore[index]  # is_internet says so
        with Path(os.environ[REFUSED]).open("a", encoding="utf-8") as notes:
            notes.write(f"{event} {address!r}\n")
        raise LeftLoopback(f"A test left loopback: {event} {address!r}")


def _is_loopback(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost", "0.0.0.0", "::"):
        return True
    try:
        return ipaddress.ip_address(str(name).partition("%")[0]).is_loopback
    except ValueError:
        return False
