"""A place of its own for a run: no file, key or history of the user's is touched.

Like the tests', but without their network guard: an audit hook would be part of every figure.
"""

from __future__ import annotations

import compileall
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from tests.isolation import own_directories

_ROOT = Path(__file__).resolve().parents[2]
_numbers = count()


@contextmanager
def place_of_its_own() -> Iterator[Path]:
    """Every process that is started inside sees only a temporary directory."""
    root = own_directories("chatnb-bench-")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    compileall.compile_dir(_ROOT / "chatnb", quiet=1)  # as pip does when it installs
    os.environ |= {"PYTHONPATH": str(_ROOT), "CHATNB_BENCH": str(root)}
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def new_log(path: Path | None = None) -> Path:
    """A log for the kernel that starts next."""
    path = path or Path(os.environ["CHATNB_BENCH"]) / f"kernel-{next(_numbers)}" / "log.sqlite"
    path.parent.mkdir(exist_ok=True)
    os.environ["CHATNB_LOG"] = str(path)
    return path
