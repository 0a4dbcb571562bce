"""From the JSON objects of an answer, one or thousands of chunks, to the Reply they amount to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from chatnb.records import Reply, Usage
from chatnb.wire.choice_parts import ChoiceParts, Malformed

# A choice numbered beyond this is nonsense, and whoever lists the choices up to it hangs.
_LAST_INDEX = 9_999
_READ_FROM_EVENT = frozenset(("choices", "model"))


class ErrorInAnswer(Exception):
    """The server answers 200 and then tells an error; `value` is what it told."""

    def __init__(self, value: object) -> None:
        super().__init__(str(value))
        self.value = value


class ReplyBuilder:
    """Takes an answer's objects as they come and knows at any time what they amount to.

    >>> builder = ReplyBuilder()
    >>> builder.add({"choices": [{"delta": {"content": "Hel"}}]})
    >>> builder.add({"choices": [{"delta": {"content": "lo"}, "finish_reason": "stop"}]})
    >>> builder.reply().text
    'Hello'

    `usage_chunks`: whether the last usage that comes counts, or the sum of all.
    """

    def __init__(self, usage_chunks: Literal["last", "sum"] = "last") -> None:
        self.fresh_texts: dict[int, list[str]] = {}
        self.fresh_thoughts: dict[int, list[str]] = {}
        self._sum = usage_chunks == "sum"
        self._choices: dict[int, ChoiceParts] = {}
        self._model: str | None = None
        self._usage: Usage | None = None
        self._response: dict[str, Any] = {}

    def add(self, value: object) -> None:
        """Raises Malformed, or ErrorInAnswer for an error object in place of an answer."""
        if not isinstance(value, dict):
            raise Malformed(f"a JSON {type(value).__name__} in place of an object")
        if value.get("error") or _is_flat_error(value):
            raise ErrorInAnswer(value)
        for key, item in value.items():
            if item is not None and key not in _READ_FROM_EVENT:
                self._response[key] = item
        model = value.get("model")
        if model and isinstance(model, str):
            self._model = model
        if value.get("usage") is not None:
            self._count(value["usage"])
        choices = value.get("choices")
        if choices:
            self._add_choices(choices)

    def _add_choices(self, choices: object) -> None:
        if not isinstance(choices, list):
            raise Malformed("choices are no list")
        for position, choice in enumerate(choices):
            if not isinstance(choice, dict):
                raise Malformed("a choice is no object")
            index = choice.get("index")
            if type(index) is not int:
                index = position
            if not 0 <= index <= _LAST_INDEX:
                raise Malformed(f"a choice has the index {index}")
            parts = self._choices.get(index)
            if parts is None:
                parts = self._choices[index] = ChoiceParts()
            text, thought = parts.add(choice)
            if text:
                self.fresh_texts.setdefault(index, []).append(text)
            if thought:
                self.fresh_thoughts.setdefault(index, []).append(thought)
            if choice.get("usage") is not None:
                self._response["usage"] = choice["usage"]
                self._count(choice["usage"])

    def _count(self, raw: object) -> None:
        usage = Usage.from_wire(raw)
        if usage is not None:
            self._usage = self._usage + usage if self._sum and self._usage else usage

    @property
    def has_choices(self) -> bool:
        return bool(self._choices)

    @property
    def steps(self) -> int:
        """Grows with everything that a model produces; not with empty or repeated chunks."""
        return sum(parts.steps for parts in self._choices.values())

    @property
    def finished(self) -> int:
        """How many choices have told why they ended."""
        return sum(parts.finish_reason is not None for parts in self._choices.values())

    @property
    def first_is_finished(self) -> bool:
        """Whether the first choice, which decides, came to its end."""
        if not self._choices:
            return False
        return self._choices[min(self._choices)].finish_reason is not None

    def reply(self, http_status: int | None = None, request_id: str | None = None) -> Reply:
        """What has come so far."""
        choices = tuple(self._choices[index].choice(index) for index in sorted(self._choices))
        return Reply(
            choices,
            model=self._model,
            usage=self._usage,
            response=dict(self._response),
            http_status=http_status,
            request_id=request_id,
        )


def _is_flat_error(value: Mapping[str, Any]) -> bool:
    """`{"object": "error", "message": ...}`, as some servers send it."""
    return "choices" not in value and isinstance(value.get("message"), str)
