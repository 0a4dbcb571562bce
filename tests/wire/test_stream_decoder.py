"""However the bytes are cut, the events are the same."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatnb.wire.stream_decoder import Event, EventDecoder, parsed

PIECES = st.lists(
    st.sampled_from(
        [b"data: a", b"data:b", b"data:  c", b"data", b"event: e", b": x", b"", b"", b"id: 1",
         "data: \u2028\x85\x0b\x0c".encode()]
    )
)  # fmt: skip


def events_of(data: bytes, cuts: list[int]) -> list[Event]:
    decoder = EventDecoder()
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    events: list[Event] = []
    for start, end in itertools.pairwise(places):
        events += decoder.feed(data[start:end])
    return events + decoder.end()


@given(PIECES, st.sampled_from([b"\n", b"\r", b"\r\n"]), st.lists(st.integers(0, 500)))
def test_cuts_and_line_ends_change_nothing(
    lines: list[bytes], line_end: bytes, cuts: list[int]
) -> None:
    whole = events_of(b"".join(line + b"\n" for line in lines), [])
    assert events_of(b"".join(line + line_end for line in lines), cuts) == whole


def test_lines_end_nowhere_else() -> None:
    data = "data: a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\n\n".encode()
    assert events_of(data, []) == [Event(b"", data[6:-2])]


def test_an_event_comes_with_its_last_byte() -> None:
    decoder = EventDecoder()
    assert decoder.feed(b"data: 1\n") == []
    assert decoder.feed(b"\n") == [Event(b"", b"1")]
    assert decoder.feed(b"data: 2\r\n\r") == [Event(b"", b"2")]
    assert decoder.feed(b"\ndata: 3\r\r") == [Event(b"", b"3")]


def test_surrogates_are_read_and_nonsense_is_a_value_error() -> None:
    assert parsed(rb'"\ud83d"') == "\ud83d"
    for nonsense in (b"", b"{", b"\xff", b"[" * 100_000):
        with pytest.raises(ValueError, match=r"."):
            parsed(nonsense)
