"""How xdist hands out tests: those of one browser, and of one notebook, as one piece."""

from __future__ import annotations

import re

from xdist.scheduler.loadscope import LoadScopeScheduling

BROWSER = "tests/browser/"
# A notebook's number stands in its own test file's name, or first among a test's parameters.
NOTEBOOK = re.compile(r"tests/notebooks/(?:test_|.*\[)(\d\d)")


class PiecesTogether(LoadScopeScheduling):
    """Pieces with many tests go first, so that the browser's do not end last."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(BROWSER):
            return BROWSER
        notebook = NOTEBOOK.match(nodeid)
        return f"notebook {notebook[1]}" if notebook else nodeid
