"""The chromium that browser tests drive.

`find()` looks: on PATH, then for the one that Playwright keeps. `python -m tests.browser.chromium`
(a step of `make test`) installs one where there is none, and fails where none can be had.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ON_PATH = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MISSING = (
    "The browser tests need a chromium and none starts here: not on PATH ({names}), not "
    "Playwright's, and {debian}. Install chromium or Google Chrome and try again."
)


def find() -> str | None:
    """The path of a chromium; None where there is none yet."""
    return next(filter(_starts, _candidates()), None)


def _candidates() -> Iterator[str]:
    yield from (path for name in ON_PATH if (path := shutil.which(name)))
    # Last: to ask Playwright takes a second, which only those need who have none on PATH.
    yield _playwrights_own()


def _playwrights_own() -> str:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def _starts(path: str) -> bool:
    """Playwright's own is there but does not start where a system library is missing."""
    return Path(path).exists() and _succeeds([path, "--version"], output=subprocess.DEVNULL)


def install() -> str:
    """Playwright's own chromium, else Debian's package when root; the path of it."""
    print("No chromium that starts: asking Playwright for its own", flush=True)
    if _succeeds([sys.executable, "-m", "playwright", "install", "chromium"]) and (path := find()):
        return path
    if shutil.which("apt-get") is None:
        raise _missing("there is no apt-get")
    if not _is_root():
        raise _missing("apt-get needs root")
    print("Playwright has none that starts: installing Debian's package", flush=True)
    if not all(map(_succeeds, (["apt-get", "update"], ["apt-get", "install", "-y", "chromium"]))):
        raise _missing("apt-get failed")
    if (path := find()) is None:
        raise _missing("what apt-get installed does not start")
    return path


def _succeeds(command: list[str], *, output: int | None = None) -> bool:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    ran = subprocess.run(
        command, env=environment, stdout=output, stderr=output, check=False, timeout=600
    )
    return ran.returncode == 0


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _missing(debian: str) -> SystemExit:
    return SystemExit(MISSING.format(names=", ".join(ON_PATH), debian=debian))


if __name__ == "__main__":
    print(f"Browser tests: {find() or install()}")
