"""IPython without a terminal, a kernel or a history."""

from __future__ import annotations

from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config


class RaisingShell(InteractiveShell):
    """A cell that fails raises in the test, as it would stop a Run All."""

    @classmethod
    def without_history(cls) -> RaisingShell:
        """The singleton that `get_ipython()` returns, new; `close` makes room for the next."""
        shell = cls.instance(config=Config({"HistoryManager": {"enabled": False}}))
        assert isinstance(shell, cls)
        return shell

    def run_cell(self, *arguments: Any, **options: Any) -> Any:
        result = super().run_cell(*arguments, **options)
        result.raise_error()
        return result

    def close(self) -> None:
        self.run_line_magic("reset", "-f")
        type(self).clear_instance()
