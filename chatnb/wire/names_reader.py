"""A list of models, read as an answer is: with its deadlines and its faults."""

from __future__ import annotations

from chatnb.backend import Flight
from chatnb.records import Reply
from chatnb.wire.answer_reader import AnswerReader, Expected
from chatnb.wire.faults import Asked
from chatnb.wire.stream_decoder import parsed


class NamesReader(AnswerReader):
    """Reads a list of models in place of an answer."""

    def __init__(self, asked: Asked, flight: Flight) -> None:
        super().__init__(Expected(), asked, flight)
        self.names: tuple[str, ...] = ()

    def _conclude(self) -> Reply:
        self._raise_if_ended()
        value = parsed(self._keys.json(b"".join(self._raw)))
        self.names = tuple(str(model["id"]) for model in value["data"] or ())
        return self.partial()
