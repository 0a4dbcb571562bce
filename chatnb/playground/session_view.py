"""A session as events for a front end: what there is, and what is new. It changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chatnb.conversation import Conversation
from chatnb.errors import ChatError, Interrupted
from chatnb.playground.controls import conflicts, controls, shown
from chatnb.playground.presets import Presets
from chatnb.playground.remedies import exchange_remedies, remedies
from chatnb.playground.spending import totals
from chatnb.playground.streaming import Streaming
from chatnb.playground.transcript import Transcript
from chatnb.records import Exchange, Live
from chatnb.rendering import literal_html, reply_html
from chatnb.session_state import MAIN, State
from chatnb.sessions import Session

Event = dict[str, Any]

KEPT_EXCHANGES = 1_000
_NOTHING_CAME: Event = {"prompt": None, "answer": None}


class SessionView:
    """What one panel knows of its session, so that it is told only what is new."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.transcript = Transcript()
        self._exchanges: dict[int, Exchange] = {}
        self._streaming: Streaming | None = None
        self._draft = ""
        self.gives_up: str | None = None  # when a request that was stopped ends, if not at once
        self._flights = 0
        self._connection: Event = {}
        self._listed: tuple[str, list[str]] = ("", [])  # a server, and the models that it lists
        self.refusals: dict[str, str] = {}  # what this model refused before, from the log

    @property
    def flight(self) -> int | None:
        """The number of the answer that is in progress."""
        return self._streaming.flight if self._streaming else None

    def exchange(self, row: int) -> Exchange | None:
        """The exchange behind a row of the log, where this panel has seen it."""
        return self._exchanges.get(row)

    @property
    def failure(self) -> Exchange | None:
        """The last exchange, where its server refused a parameter."""
        last = self._session.state.last
        return last if last and last.error and last.error.param else None

    def look_back(self) -> None:
        """Learn from the log what was asked before the panel was opened."""
        from chatnb import kernel
        from chatnb.request_log.log_exchanges import stored_exchanges

        state, of_kernel = self._session.state, self._session is kernel.session()
        turns = [turn for each in state.timelines.values() for turn in each.present.turns]
        rows = {turn.exchange for turn in turns}
        for exchange in stored_exchanges(self._session.log, KEPT_EXCHANGES):
            if exchange.id in rows or (of_kernel and _counts(exchange)):
                self._remember(exchange)

    def everything(self) -> list[Event]:
        """All there is, for a view that has just been opened."""
        self.transcript.forget()
        live = self._session.state.live
        return [
            {"event": "controls", "groups": controls()},
            self.connection(),
            *self._conversation(),
            self._totals(),
            *(self.takes_off(live.prompt) if live else []),
            *(self._flying(live) if live else []),
        ]

    def changed(self, old: State, new: State) -> list[Event]:
        """What a change of the session's state is to the front end."""
        events = self._flying(new.live) if new.live else []
        told = self._connection
        if self.connection() != told:
            events.append(self._connection)
        if new.timelines is not old.timelines or new.current != old.current:
            self._remember(new.last)
            events += self._conversation()
        if new.last is not old.last and new.last is not None:
            events += self._landed(new.last)
        elif new.live is None and old.live is not None:
            events.append(self.idle())
        return events

    def values(self, sequence: Mapping[str, int], presets: Presets) -> Event:
        """What is set now; `sequence` says which changes of which view are in it."""
        values = self._session.parameters.values()
        listed = presets.listed(values)
        return {
            "event": "values",
            "values": shown(values),
            "told": [*conflicts(values, self.refusals), *presets.take_notices()],
            "presets": listed,
            "seq": dict(sequence),
        }

    def connection(self) -> Event:
        """Who answers."""
        connection = self._session.connection
        server, models = self._listed
        self._connection = {
            "event": "connection",
            "described": self._who(),
            "model": connection.model,
            "models": models if server == connection.base_url else [],
        }
        return self._connection

    def lists(self, base_url: str, models: Iterable[str]) -> Event:
        """A server was asked for its models, which are suggested as long as it is the one."""
        self._listed = base_url, list(models)
        return self.connection()

    def takes_off(self, prompt: str, draft: str = "") -> list[Event]:
        """A request is on its way; `draft`: what goes back into the box if it is given up."""
        self._flights += 1
        self._streaming = Streaming(self._flights)
        self._draft = draft
        live = {
            "event": "live",
            "flight": self._flights,
            "prompt": literal_html(prompt) if prompt else "",
            "who": self._who(),
            "waiting": "sending…",
            "patient": f"still sending: no connection to {self._session.connection.host} yet…",
        }
        return [live]

    def idle(
        self, unfinished: Event | None = None, draft: str = "", hints: Sequence[Event] = ()
    ) -> Event:
        """Nothing is in progress; `unfinished`: the last request failed or was stopped.

        `hints`: what would make a good answer better, as buttons.
        """
        self._streaming = None
        return {"event": "idle", "unfinished": unfinished, "draft": draft, "hints": list(hints)}

    def released(self, flight: int) -> list[Event]:
        """A request that was stopped and has not ended: its prompt goes back, nobody waits.

        Its thread asks a resolver, or connects on a socket that the HTTP library shows to nobody
        before it is connected: https://github.com/encode/httpx/pull/3749
        """
        if self.flight != flight or not self._session.busy:
            return []
        within = f"{self._session.settings.deadlines().connect:g} s"
        self.gives_up = f"gives up connecting within {within}; then the next one can be sent."
        line = f"Stopped. The request {self.gives_up}"
        return [self.idle({**_NOTHING_CAME, "line": line, "remedies": []}, self._draft)]

    def refused(self, prompt: str, failure: ChatError | Interrupted) -> Event:
        """A prompt that became no request: it goes back into its box."""
        told = {"line": failure.line, "remedies": remedies(failure)}
        return self.idle({**_NOTHING_CAME, **told}, draft=prompt)

    def spent(self, exchange: Exchange) -> Event:
        """What the session has cost, with an exchange that was not its own."""
        self._remember(exchange)
        return self._totals()

    def _flying(self, live: Live) -> list[Event]:
        took_off = [] if self._streaming else self.takes_off(live.prompt)
        assert self._streaming is not None
        return [*took_off, *self._streaming.events(live)]

    def _landed(self, exchange: Exchange) -> list[Event]:
        self._remember(exchange)
        self.gives_up = None
        if exchange.error is None:
            return [self.idle(hints=exchange_remedies(exchange)), self._totals()]
        own = exchange.request.origin.source == "panel"
        draft = str(exchange.request.messages[-1].content) if own else ""
        return [self.idle(_unfinished(exchange), draft), self._totals()]

    def _remember(self, exchange: Exchange | None) -> None:
        if exchange is not None and exchange.id is not None:
            self._exchanges[exchange.id] = exchange
            if len(self._exchanges) > KEPT_EXCHANGES:
                del self._exchanges[next(iter(self._exchanges))]

    def _totals(self) -> Event:
        return {"event": "totals", **totals(list(self._exchanges.values()))}

    def _conversation(self) -> list[Event]:
        state = self._session.state
        timeline = state.timeline()
        about = {
            "event": "conversation",
            "name": state.current,
            "names": list(dict.fromkeys([MAIN, *state.timelines, state.current])),
            "system": timeline.present.system,
            "undo": timeline.past[-1].what if timeline.past else None,
            "redo": timeline.future[0].what if timeline.future else None,
            "turns": len(timeline.present.live),
            "empty": timeline.present == Conversation(),
        }
        turns = self.transcript.event(timeline.present, self._exchanges)
        return [about, *([turns] if turns else [])]

    def _who(self) -> str:
        connection = self._session.connection
        model = self._session.parameters.model or connection.model or "the model it lists"
        where = "on this machine" if connection.embedded else f"at {connection.host}"
        return f"{model} {where}"


def _counts(exchange: Exchange) -> bool:
    """Whether it belongs to the session: samples and single questions do not."""
    origin = exchange.request.origin
    return origin.source != "sample" and (origin.source != "python" or bool(origin.conversation))


def _unfinished(exchange: Exchange) -> Event:
    """A request that failed or was stopped: what came of it, and what would mend it."""
    assert exchange.error is not None
    text = exchange.reply.text
    return {
        "prompt": literal_html(str(exchange.request.messages[-1].content)),
        "answer": reply_html(text) if text else None,
        "line": exchange.error.line,
        "remedies": exchange_remedies(exchange),
    }
