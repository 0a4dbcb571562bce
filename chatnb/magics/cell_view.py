"""Draws a turn in its cell: while it streams, and once more, for good, at its end."""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

from chatnb.errors import Interrupted
from chatnb.magics.terminal_drawer import TerminalDrawer
from chatnb.rendering.reply_view import (
    exchange_mimebundle,
    has_text,
    reply_mimebundle,
    status_html,
    thinking_html,
    waiting_words,
)
from chatnb.rendering.stream_pieces import StreamChoices, StreamPieces

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chatnb.records import Exchange, Live

__all__ = ["CellView", "reply_mimebundle"]


class Drawer(Protocol):
    """A way to draw a turn."""

    def live(self, live: Live) -> None:
        """Show the turn in the air."""

    def end(self, exchange: Exchange | None) -> None:
        """Show the turn as it ended, in the place of what was shown so far; None: none was sent."""


class CellView:
    """Shows what `session.send` does while it runs; whatever goes wrong here, nothing is lost.

    >>> with CellView(session, get_ipython()):              # doctest: +SKIP
    ...     session.send("Tell me a joke")

    `whole_cell`: the cell holds nothing else, so its output may be replaced; a line that shares
    its cell is drawn once, at its end. In a terminal: plain text, appended.
    """

    def __init__(self, session: Any, shell: Any, *, whole_cell: bool = True) -> None:
        self._session = session
        self._drawer: Drawer = (
            NotebookDrawer(shell, whole_cell=whole_cell) if is_rich(shell) else TerminalDrawer()
        )
        self._lock = threading.RLock()
        self._failed = False

    def __enter__(self) -> CellView:
        state = self._session.state
        self._last: Exchange | None = state.last
        self._foreign = state.live is not None  # a request of the panel: its own view shows it
        self._session.observe(self._follow, "state")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.unobserve(self._follow, "state")
        exchange = self._ended(error)
        with self._lock:
            self._guarded(lambda: self._drawer.end(exchange))

    def _follow(self, change: Mapping[str, Any]) -> None:
        live = change["new"].live
        if live is None:
            self._foreign = False
        elif not self._foreign and not self._failed:
            with self._lock:
                self._failed = not self._guarded(lambda: self._drawer.live(live))

    def _ended(self, error: BaseException | None) -> Exchange | None:
        """The exchange that ended in this block; None where nothing was sent."""
        if isinstance(error, Exception | Interrupted):
            carried: Exchange | None = getattr(error, "exchange", None)
            return carried
        last: Exchange | None = self._session.state.last
        return None if last is self._last else last

    def _guarded(self, draw: Callable[[], None]) -> bool:
        """Whether it could be drawn: the answer is in the log and the session either way."""
        try:
            draw()
        except Exception:
            logging.getLogger("chatnb").exception("The answer could not be drawn in the cell.")
            return False
        return True


def is_rich(shell: Any) -> bool:
    """Whether the shell publishes what it displays: a kernel's does, a terminal's prints it."""
    from IPython.core.displaypub import DisplayPublisher

    return type(shell.display_pub).publish is not DisplayPublisher.publish


class NotebookDrawer:
    """Draws into the outputs of a notebook cell.

    While it streams an output has HTML alone: a front end without HTML shows the answer once, at
    the end. No output has text/markdown, in which both front ends run scripts.
    """

    def __init__(self, shell: Any, *, whole_cell: bool) -> None:
        self._shell = shell
        self._whole_cell = whole_cell
        self._pieces = StreamPieces()
        self._choices = StreamChoices()
        self._name = uuid4().hex[:8]
        self._outputs: set[int] = set()
        self._above = ""  # the folded thinking, above the first output

    def live(self, live: Live) -> None:
        if not self._whole_cell:
            return
        if len(live.texts) > 1:
            self._show_choices(live.texts)
        elif live.texts and live.texts[0]:
            self._show_text(live)
        elif words := waiting_words(live):
            self._put(0, status_html(words))

    def end(self, exchange: Exchange | None) -> None:
        if exchange is None:
            if self._outputs:  # what was waited for
                self._shell.display_pub.clear_output(wait=True)
            return
        said = has_text(exchange.reply) or exchange.status in ("ok", "refused")
        worth_saying = said or exchange.notes or exchange.adjusted
        if worth_saying and self._outputs == {0}:
            # In place: one message less, and nothing to clear.
            self._publish(0, exchange_mimebundle(exchange))
            return
        if self._whole_cell and self._outputs:
            self._shell.display_pub.clear_output(wait=True)
        if worth_saying:
            self._shell.display_pub.publish(exchange_mimebundle(exchange))

    def _show_text(self, live: Live) -> None:
        drawing = self._pieces.next(live.texts[0])
        if drawing is None:
            return
        if not self._above and drawing.output == 0 and live.reasoning:
            self._above = thinking_html()
        above = self._above if drawing.output == 0 else ""
        self._put(drawing.output, above + drawing.html)

    def _show_choices(self, texts: tuple[str, ...]) -> None:
        if len(self._outputs) > 1:  # the first choice streamed alone until now
            self._shell.display_pub.clear_output(wait=True)
            self._outputs.clear()
        html = self._choices.next(texts)
        if html is not None:
            self._put(0, html)

    def _put(self, output: int, html: str) -> None:
        self._publish(output, {"text/html": html})

    def _publish(self, output: int, bundle: dict[str, str]) -> None:
        self._shell.display_pub.publish(
            bundle,
            transient={"display_id": f"chatnb-{self._name}-{output}"},
            update=output in self._outputs,
        )
        self._outputs.add(output)
