"""One choice of an answer as it grows, chunk by chunk: text, reasoning, tool calls, the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatnb.records import Choice

_READ_FROM_CHOICE = frozenset(("index", "delta", "message", "finish_reason", "logprobs", "usage"))
_READ_FROM_DELTA = frozenset(("role", "content", "refusal", "reasoning_content", "reasoning"))


class Malformed(ValueError):
    """JSON, but not of the API's shape."""


class ChoiceParts:
    """One choice as it grows: lists of pieces, joined once."""

    __slots__ = ("details", "finish_reason", "refusals", "steps", "texts", "thoughts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.thoughts: list[str] = []
        self.refusals: list[str] = []
        self.finish_reason: str | None = None
        self.details: dict[str, Any] = {}
        self.steps = 0

    def add(self, choice: Mapping[str, Any]) -> tuple[str, str]:
        """Take one chunk's part of this choice; the text and the reasoning that it adds."""
        text = thought = ""
        delta = choice.get("delta") or choice.get("message")
        if delta:
            text, thought = self._add_delta(delta)
        reason = choice.get("finish_reason")
        if reason and self.finish_reason is None and isinstance(reason, str):
            self.finish_reason = reason
            self.steps += 1
        logprobs = choice.get("logprobs")
        if logprobs:
            self._merge("logprobs", _merged_lists(self.details.get("logprobs"), logprobs))
        for key, value in choice.items():
            if key not in _READ_FROM_CHOICE and value is not None:
                self.details[key] = value
        return text, thought

    def _add_delta(self, delta: object) -> tuple[str, str]:
        if not isinstance(delta, dict):
            raise Malformed("a message is no object")
        text = _text_of(delta.get("content"))
        thought = _text_of(delta.get("reasoning_content") or delta.get("reasoning"))
        refusal = _text_of(delta.get("refusal"))
        for piece, pieces in (
            (text, self.texts),
            (thought, self.thoughts),
            (refusal, self.refusals),
        ):
            if piece:
                pieces.append(piece)
                self.steps += 1
        for key, value in delta.items():
            if key not in _READ_FROM_DELTA and value is not None:
                self._merge(key, value)
        return text, thought

    def _merge(self, key: str, value: Any) -> None:
        self.steps += 1
        if key == "tool_calls":
            _merge_calls(self.details.setdefault(key, []), value)
        elif key == "function_call":
            _merge_function(self.details.setdefault(key, {}), value)
        elif isinstance(value, list):
            self.details.setdefault(key, []).extend(value)
        else:
            self.details[key] = value

    def choice(self, index: int) -> Choice:
        return Choice(
            index,
            "".join(self.texts),
            self.finish_reason,
            "".join(self.refusals) or None,
            "".join(self.thoughts),
            dict(self.details),
        )


def _text_of(content: object) -> str:
    """The text of a content: a string, or a list of parts, as some servers stream it."""
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if not isinstance(content, list):
        raise Malformed(f"a text is a JSON {type(content).__name__}")
    parts = [part.get("text") for part in content if isinstance(part, dict)]
    return "".join(part for part in parts if isinstance(part, str))


def _merged_lists(known: Mapping[str, list[Any]] | None, new: object) -> dict[str, list[Any]]:
    """Log probabilities: each chunk brings those of its own tokens."""
    if not isinstance(new, dict):
        raise Malformed("logprobs are no object")
    merged = dict(known or {})
    for key, values in new.items():
        if isinstance(values, list):
            merged.setdefault(key, []).extend(values)
    return merged


def _merge_calls(calls: list[dict[str, Any]], new: object) -> None:
    """Tool calls come in pieces: the arguments of a call are spread over many chunks."""
    if not isinstance(new, list):
        raise Malformed("tool_calls are no list")
    for piece in new:
        if not isinstance(piece, dict):
            raise Malformed("a tool call is no object")
        call = _call_for(calls, piece)
        for key, value in piece.items():
            if key == "function":
                _merge_function(call.setdefault(key, {}), value)
            elif value is not None:
                call[key] = value


def _call_for(calls: list[dict[str, Any]], piece: Mapping[str, Any]) -> dict[str, Any]:
    """The call that a piece belongs to: by index, else a new one where it brings an id."""
    index = piece.get("index")
    for call in calls:
        if index is not None and call.get("index") == index:
            return call
    if calls and index is None and not piece.get("id"):
        return calls[-1]
    calls.append({})
    return calls[-1]


def _merge_function(function: dict[str, Any], new: object) -> None:
    if not isinstance(new, dict):
        raise Malformed("a function call is no object")
    for key, value in new.items():
        if key == "arguments" and isinstance(value, str):
            function[key] = function.get(key, "") + value
        elif value is not None:
            function[key] = value
