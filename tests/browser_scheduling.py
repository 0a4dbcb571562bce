"""How xdist hands out tests: those of tests/browser as one piece, the others one by one."""

from __future__ import annotations

from xdist.scheduler.loadscope import LoadScopeScheduling

TOGETHER = "tests/browser/"


class BrowserTestsTogether(LoadScopeScheduling):
    """Pieces with many tests go first, so that the browser's do not end last."""

    def _split_scope(self, nodeid: str) -> str:
        return TOGETHER if nodeid.startswith(TOGETHER) else nodeid
