"""JupyterLab, opened on the first notebook."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from chatnb.errors import ChatError
from chatnb.rendering import terminal_text

FIRST_NOTEBOOK = "00-start-here.ipynb"
COPY = "chatnb-notebooks"
COPIED = (".ipynb", ".md", ".csv", ".svg")  # the notebooks, and what they link to


def open_lab(arguments: Sequence[str]) -> int:
    """Run JupyterLab here until the user ends it; its exit code."""
    if find_spec("jupyterlab") is None:
        raise ChatError('JupyterLab is not installed: pip install "chatnb[lab]"')
    from jupyterlab import labapp

    page = notebooks_folder(Path.cwd()).relative_to(Path.cwd()) / FIRST_NOTEBOOK
    command = [f"--LabApp.default_url=/lab/tree/{page.as_posix()}", *_as_root(), *arguments]
    return int(labapp.main(command) or 0)


def _as_root() -> list[str]:
    """In a container the user is often root, whom JupyterLab turns away unless it is told."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return ["--allow-root"] if is_root else []


def notebooks_folder(directory: Path) -> Path:
    """The folder with the first notebook: this checkout's, else a copy of those in the wheel."""
    here = directory / "notebooks"
    if (here / FIRST_NOTEBOOK).exists():
        return here
    copy = directory / COPY
    copied = _copy_missing(shipped_notebooks(), copy)
    if copied:
        print(terminal_text(f"Notebooks copied to {copy}"))
    return copy


def shipped_notebooks() -> Path:
    """The notebooks that came with this installation."""
    package = Path(__file__).parent
    # An editable installation leaves them where they are in the checkout.
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if (folder / FIRST_NOTEBOOK).exists():
            return folder
    raise ChatError(f"This installation of chatnb has no {FIRST_NOTEBOOK}: install chatnb again.")


def _copy_missing(source: Path, target: Path) -> list[Path]:
    """Copy what is not there yet; what the user changed stays theirs."""
    names = sorted(file.relative_to(source) for file in source.rglob("*") if file.suffix in COPIED)
    shown = [name for name in names if not name.parts[0].startswith(".")]
    missing = [name for name in shown if not (target / name).exists()]
    target.mkdir(exist_ok=True)
    for name in missing:
        (target / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(source / name, target / name)
    return missing
