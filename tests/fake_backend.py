"""The one fake: a Backend at chatnb's own seam, with queued replies."""

from __future__ import annotations

from collections import deque

from chatnb.backend import Connection
from chatnb.prompts import Connected
from chatnb.records import Choice, Reply, Usage


def reply(*texts, finish_reason="stop", **fields):
    choices = tuple(Choice(index, text, finish_reason) for index, text in enumerate(texts))
    return Reply(choices, "fake-1", Usage(3, 5, 8), **fields)


class FakeBackend:
    """Answers with what was enqueued: a Reply, a text, an error, or a callable(request, flight)."""

    def __init__(self, *answers):
        self.answers = deque(answers)
        self.requests = []
        self.listed = ["fake"]
        self.tokens = {}

    def enqueue(self, *answers):
        self.answers.extend(answers)

    def prepare(self, request):
        return request

    def complete(self, request, flight):
        self.requests.append(request)
        answer = self.answers.popleft() if self.answers else "fine"
        if callable(answer):
            answer = answer(request, flight)
        if isinstance(answer, BaseException):
            raise answer
        answer = reply(answer) if isinstance(answer, str) else answer
        for choice in answer.choices:
            flight.delta(choice.index, choice.text)
        return answer

    def models(self, flight=None):
        return self.listed

    def token_ids(self, text, flight=None):
        return self.tokens.get(text)

    def close(self):
        pass


def connected(backend, **fields):
    """A connection to a fake backend."""
    fields = {"base_url": "http://127.0.0.1:9/v1", "model": "fake"} | fields
    answer = Connected(Connection(**fields), backend, "fake answers here")
    return lambda: answer
