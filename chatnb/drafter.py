"""What a session would send: its parameters, its conversation, and who answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from chatnb.backend import Backend, Connection, Flight
from chatnb.conversation import Place
from chatnb.interrupts import before_sending
from chatnb.parameters import Parameters
from chatnb.prompts import Asked, Connected, completed_all, request_for
from chatnb.records import Request
from chatnb.session_state import ConversationHolder
from chatnb.settings import Settings


class Drafter(ConversationHolder):
    """A session's conversations with what goes into its requests; it sends none."""

    def __init__(
        self,
        connected: Callable[[], Connected],
        place: Callable[[], Place],
        parameters: Parameters | None,
        settings: Settings | None,
    ) -> None:
        super().__init__(place)
        self.parameters = parameters or Parameters()
        self.settings = settings or Settings()
        self._connected = connected

    @property
    def connection(self) -> Connection:
        """Where requests go."""
        return self._connected().connection

    @property
    def backend(self) -> Backend:
        """Who answers."""
        return self._connected().backend

    def prepared(self, asked: Asked, *, stream: bool = True) -> Request:
        """The request that would be sent; it is not, but the server may be asked for its model."""
        return self.prepared_all([asked], stream=stream)[0]

    def prepared_all(self, asked: Iterable[Asked], *, stream: bool) -> list[Request]:
        """The requests that would be sent; the server is asked once for what all of them need."""
        with before_sending():
            drafts = [self.drafted(each, stream=stream) for each in asked]
            return completed_all(drafts, self._connected(), Flight(self.settings.deadlines()))

    def drafted(self, asked: Asked, *, stream: bool = True) -> Request:
        """The request without what only a server knows; no server is asked."""
        return self._drafted(self._placed(asked), self._connected(), stream=stream)

    def _drafted(self, asked: Asked, connected: Connected, *, stream: bool) -> Request:
        merged = self.parameters.merged(asked.parameters)
        present = self.state.timeline(asked.conversation).present
        return request_for(asked, present, merged, connected.connection, stream=stream)
