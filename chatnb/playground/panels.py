"""The panel: carries out what is clicked, and tells the front end what the session has become."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

from chatnb.errors import ChatError, Interrupted, InvalidInput
from chatnb.playground.commands import COMMANDS, Commands
from chatnb.playground.compare_page import Comparison
from chatnb.playground.controls import refusals
from chatnb.playground.gate import Gate
from chatnb.playground.pages import Pages
from chatnb.playground.panel_output import PanelOutput
from chatnb.playground.saved_view import SavedTranscript
from chatnb.playground.session_view import SessionView
from chatnb.playground.widget import PlaygroundWidget
from chatnb.playground.worker import Latest, in_background
from chatnb.records import Exchange
from chatnb.sessions import Session

Event = dict[str, Any]

RELEASED_AFTER_S = 0.5  # where a request has not ended so long after it was stopped


class Panel(Commands):
    """The playground on a session: chat, parameters, log, code; `widget` is what is drawn.

    >>> panel = chatnb.panel()                              # doctest: +SKIP
    >>> panel.send("Hello")                                 # doctest: +SKIP

    Several panels on one session stay in step; `close` lets go of it.
    """

    def __init__(self, session: Session) -> None:
        self.view = SessionView(session)
        comparison = Comparison(session, self._tell, self._compared)
        super().__init__(session, self.view.transcript, comparison)
        self.widget = PlaygroundWidget()
        self.pages = Pages(session, self._tell)
        self._gate = Gate()
        self._output = PanelOutput(self.widget.model_id)
        self._transcript_saved = SavedTranscript(self.view.exchange, session.log.redacted)
        self._lock = threading.RLock()  # events are made on whatever thread something happens
        self._sequence: dict[str, int] = {}
        self._saving = Latest()
        self._refusals = Latest()
        self._looked_at: tuple[str, str, int | None] | None = None
        self.widget.on_msg(self._receive)
        with self._lock:  # what ends meanwhile is told afterwards
            session.observe(self._follow_state, "state")
            self.view.look_back()
        session.parameters.observe(self._follow_parameters)

    def close(self) -> None:
        """Let go of the session and take the panel off the screen."""
        with contextlib.suppress(ValueError):  # closed before
            self.session.unobserve(self._follow_state, "state")
            self.session.parameters.unobserve(self._follow_parameters)
        self.widget.close()

    def show_in(self, place: Any) -> None:
        """Draw the panel inside of another output, such as a sidecar.

        The cell that runs has a view too: it says where the panel is, or is the panel where the
        page has no such place, and keeps the transcript.
        """
        from IPython.display import display

        self.widget.docked = True
        with place:
            display(self.widget)  # type: ignore[no-untyped-call]
        self._show()

    def _ipython_display_(self) -> None:
        if not self.widget.docked:
            self._show()

    def _show(self) -> None:
        self._output.show(self._saved())
        self._on_hello()  # a view's own question may have to wait for a cell that runs

    def begins(self, prompt: str) -> None:
        with self._lock:
            self._tell(self.view.takes_off(prompt, draft=prompt))

    def why_busy(self) -> str:
        gives_up = self.view.gives_up
        return f"The stopped request {gives_up}" if gives_up else super().why_busy()

    def drafted(self, text: str) -> None:
        self._tell([{"event": "draft", "text": text}, {"event": "page", "name": "chat"}])

    def presets_changed(self) -> None:
        self._tell([self._values()])

    def ended(self, prompt: str, failure: ChatError | Interrupted | None) -> None:
        """What no exchange tells: the request was refused before it was one."""
        if failure is not None and failure.exchange is None:
            with self._lock:
                self._tell([self.view.refused(prompt, failure)])

    def run(self, command: str, args: Mapping[str, Any]) -> str | None:
        """Carry out a command by its name; what it did, in words, where it says so."""
        if command not in COMMANDS:
            raise InvalidInput(f"The panel has no command {command!r}.", kind="usage")
        try:
            line: str | None = getattr(self, command)(**args)
        except TypeError as error:
            raise InvalidInput(f"{command} does not take that: {error}.", kind="usage") from error
        return line

    def _receive(self, widget: Any, content: Mapping[str, Any], buffers: Any) -> None:  # noqa: ARG002
        """A message; what goes wrong here would vanish in ipywidgets' own handler."""
        try:
            handle = getattr(self, f"_on_{content.get('do')}", None)
            if handle is not None:
                handle(**{key: value for key, value in content.items() if key != "do"})
        except Exception:
            logging.getLogger("chatnb").exception("A message of the panel failed.")

    def _on_hello(self, **_: Any) -> None:
        with self._lock:
            told = [*self.view.everything(), self._values(), *self.comparison.everything()]
            self._tell(told)

    def _on_ask(self, id: str, **_: Any) -> None:
        self._gate.ask(id)
        self._tell([{"event": "free", "id": id}])

    def _on_go(self, id: str, command: str, args: Mapping[str, Any], **_: Any) -> None:
        if not self._gate.passes(id):
            self._tell([{"event": "late", "id": id}])
            return
        try:
            line = self.run(command, args)
        except ChatError as error:
            self._tell([{"event": "failed", "id": id, "line": error.line}])
        else:
            self._tell([{"event": "took", "id": id, "line": line}])

    def _on_stop(self, flight: int, **_: Any) -> None:
        """A stop that comes late must not end the next answer."""
        if self.view.flight == flight:
            self.stop()
            in_background(lambda: self._release(flight))

    def _release(self, flight: int) -> None:
        """A connection that hangs is ended by its own deadline alone: nobody waits for that."""
        time.sleep(RELEASED_AFTER_S)
        with self._lock:
            self._tell(self.view.released(flight))

    def _on_compare_stop(self, id: str, **_: Any) -> None:
        self.comparison.stop(id)

    def _on_set(self, values: dict[str, Any], seq: int, view: str = "", **_: Any) -> None:
        self._sequence = {view: seq}
        try:
            self.set(values)
        except InvalidInput as error:
            name = error.param or next(iter(values), "")
            refused = {"event": "refused", "name": name, "line": error.line, "seq": {view: seq}}
            self._tell([refused])
        self._tell([self._values()])
        self._refusals.run(self._look_for_refusals)

    def _on_models(self, **_: Any) -> None:
        in_background(self._list_models)

    def _list_models(self) -> None:
        with contextlib.suppress(ChatError):  # what is not listed may still be typed
            server = self.session.connection.base_url
            self._tell([self.view.lists(server, self.session.backend.models())])

    def _look_again(self) -> None:
        """Another model or server has other refusals; nobody who sets nothing needs them."""
        if self._looked_at is not None:
            self._refusals.run(self._look_for_refusals)

    def _look_for_refusals(self) -> None:
        """What this model refused before, in the logs of all kernels; once, as long as it can."""
        parameters, connection = self.session.parameters, self.session.connection
        model, failure = parameters.model or connection.model or "", self.view.failure
        about = (model, connection.base_url, failure.id if failure else None)
        if about == self._looked_at:
            return
        self._looked_at = about
        from chatnb.request_log.log_frame import frame

        self.view.refusals = refusals(frame(self.session.log, all=True), *about[:2])
        self._tell([self._values()])

    def _on_page(self, name: str, **_: Any) -> None:
        self.pages.open(name)

    def _on_draft(self, text: str, **_: Any) -> None:
        self.pages.typed(text)

    def _on_log_row(self, id: int, **_: Any) -> None:
        self.pages.row(id)

    def _tell(self, events: Iterable[Event]) -> None:
        told = list(events)
        if told:
            self.widget.send({"events": told})

    def _follow_parameters(self, change: Mapping[str, Any]) -> None:  # noqa: ARG002 - all are told
        self._tell([self._values(), self.view.connection()])
        self._look_again()
        self.pages.changed()

    def _follow_state(self, change: Mapping[str, Any]) -> None:
        old, new = change["old"], change["new"]
        with self._lock:
            self._tell(self.view.changed(old, new))
        # Not with each piece of an answer: with its end, and with whatever else has changed.
        if new.live is old.live or new.last is not old.last:
            # Beside the cell that may have sent it: nobody waits for what is there to be saved.
            self._saving.run(lambda: self._output.update(self._saved()))
            self._look_again()
            self.pages.changed()

    def _compared(self, exchange: Exchange) -> None:
        """A lane has ended: it costs, and it is in the log."""
        with self._lock:
            self._tell([self.view.spent(exchange)])
        self.pages.changed()

    def _values(self) -> Event:
        return self.view.values(self._sequence, self._presets)

    def _saved(self) -> dict[str, str]:
        state = self.session.state
        return self._transcript_saved.bundle(state.timeline().present, state.current)
