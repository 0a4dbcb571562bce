"""The chromium that browser tests drive.

`find()` looks: on PATH, then for the one that Playwright keeps. `python -m tests.browser.chromium`
(a step of `make test`) installs one where there is none, and fails where none can be had.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ON_PATH = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MISSING = (
    "The browser tests need a chromium and found none: not on PATH ({names}), "
    "Playwright's download failed, and {debian}. Install chromium or Google Chrome and try again."
)


def find() -> str | None:
    """The path of a chromium; None where there is none yet."""
    on_path = next((path for name in ON_PATH if (path := shutil.which(name))), None)
    return on_path or _playwrights_own()


def _playwrights_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def install() -> str:
    """Playwright's own chromium, else Debian's package when root; the path of it."""
    print("No chromium on PATH: asking Playwright for its own")
    if _succeeds([sys.executable, "-m", "playwright", "install", "chromium"]) and (path := find()):
        return path
    if not (_is_root() and shutil.which("apt-get")):
        raise SystemExit(_missing("apt-get needs root"))
    print("Playwright has none for us: installing Debian's package")
    if _succeeds(["apt-get", "update"]) and _succeeds(["apt-get", "install", "-y", "chromium"]):
        return find() or _fail("apt-get installed no chromium")
    return _fail("apt-get failed")


def _succeeds(command: list[str]) -> bool:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=environment, check=False, timeout=600).returncode == 0


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _fail(debian: str) -> str:
    raise SystemExit(_missing(debian))


def _missing(debian: str) -> str:
    return MISSING.format(names=", ".join(ON_PATH), debian=debian)


if __name__ == "__main__":
    print(f"Browser tests: {find() or install()}")
