"""The panel's front end: one anywidget, whose module is the files of `front_end` one after another.

Nothing but code and its place lives in its traits, since a saved notebook may keep them: whatever
is said, set or typed goes by messages.
"""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

_FILES = Path(__file__).parent / "front_end"


def joined(pattern: str) -> str:
    """The files as one: an anywidget is one module, and it cannot import from beside itself.

    In the order of their names, so a class stands before those that extend it.
    """
    return "\n".join(file.read_text(encoding="utf-8") for file in sorted(_FILES.glob(pattern)))


class PlaygroundWidget(anywidget.AnyWidget):
    """What the front end draws; `Panel` says what."""

    _esm = joined("*.js")
    _css = joined("*.css")
    docked = traitlets.Bool(False).tag(sync=True)  # whether a view in a cell looks for a sidebar
