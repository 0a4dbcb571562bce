"""The stream decoder: any split of any bytes gives the same events."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from typing import Any

from hypothesis import strategies as st

from chatnb.records import Reply
from chatnb.wire.choice_parts import Malformed
from chatnb.wire.reply_builder import ErrorInAnswer, ReplyBuilder
from chatnb.wire.stream_decoder import Event, EventDecoder, parsed
from tests.fuzz.properties import holds_for

PIECES = st.sampled_from(
    [b"data: ", b"data:", b"data", b"event: ", b"event:", b"id: 1", b": ping", b":", b"retry: 5",
     b"\n", b"\n\n", b"\r", b"\r\n", b"\r\r", b"\n\r", b"\xef\xbb\xbf", b"\xef\xbb", b"[DONE]",
     b'{"choices": [{"delta": {"content": "', b'"}}]}', b"\xe2\x80\xa8", b"\x85", b"\x0b", b"\x1c",
     b"\xff", b"\0", b" ", "ü🎉".encode()]
)  # fmt: skip
STREAMS = st.lists(st.one_of(PIECES, st.binary(max_size=8)), max_size=40).map(b"".join)
CUTS = st.lists(st.integers(0, 1_000), max_size=20)


def events_of(data: bytes, cuts: list[int]) -> list[Event]:
    decoder = EventDecoder()
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    events: list[Event] = []
    for start, end in itertools.pairwise(places):
        events += decoder.feed(data[start:end])
        events += decoder.feed(b"")
    return events + decoder.end()


def events_as_the_standard_says(data: bytes) -> list[Event]:
    """Written anew from the standard's words, slow and whole."""
    events, name, parts = [], b"", []
    for line in [*re.split(rb"\r\n|\r|\n", data.removeprefix(b"\xef\xbb\xbf")), b""]:
        if line == b"":
            if parts:
                events.append(Event(name, b"\n".join(parts)))
            name, parts = b"", []
            continue
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            parts.append(value)
        elif field == b"event":
            name = value
    return events


@holds_for(data=STREAMS, cuts=CUTS)
def test_any_split_of_any_bytes_gives_the_events_of_the_standard(
    data: bytes, cuts: list[int]
) -> None:
    expected = events_as_the_standard_says(data)
    assert events_of(data, []) == expected
    assert events_of(data, cuts) == expected
    assert events_of(data, list(range(len(data)))) == expected


@holds_for(data=st.one_of(STREAMS, st.text().map(lambda text: json.dumps(text).encode())))
def test_any_bytes_are_a_json_value_or_a_value_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        parsed(data)


NAMES = st.sampled_from(
    ["choices", "delta", "message", "content", "reasoning_content", "refusal", "role", "index",
     "finish_reason", "logprobs", "tool_calls", "function", "function_call", "arguments", "id",
     "usage", "prompt_tokens", "total_tokens", "model", "error", "text", "type"]
)  # fmt: skip
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), NAMES)
VALUES: Any = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=12,
)
CHUNKS = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {"choices": st.lists(st.fixed_dictionaries({"delta": VALUES}), max_size=2)}
    ),
    st.fixed_dictionaries(
        {"choices": st.lists(st.dictionaries(NAMES, VALUES, max_size=4), max_size=3)}
    ),
)


@holds_for(chunks=st.lists(CHUNKS, max_size=4))
def test_any_json_becomes_a_reply_or_is_called_malformed(chunks: list[Any]) -> None:
    builder = ReplyBuilder()
    for chunk in chunks:
        with contextlib.suppress(Malformed, ErrorInAnswer):
            builder.add(chunk)
        reply = builder.reply()
        assert isinstance(reply, Reply)
        assert all(isinstance(choice.text, str) for choice in reply.choices)
