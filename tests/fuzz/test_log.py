"""The log: what goes in comes out."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from chatnb.records import Choice, Exchange, Message, Reply, Request, Usage
from chatnb.redaction import redact
from chatnb.request_log import RequestLog, log_rows, spool
from chatnb.request_log.log_frame import frame
from chatnb.request_log.log_record import Cleaner, packed, restored, stored, unpacked
from tests.fuzz.properties import holds_for

TEXTS = st.text(st.characters(exclude_categories=()), max_size=30).filter(
    lambda text: redact(text) == text
)
NUMBERS = st.one_of(st.integers(), st.integers(-(2**80), 2**80), st.floats(allow_nan=True))
VALUES: Any = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)
MESSAGES = st.lists(
    st.builds(
        Message,
        st.sampled_from(["system", "user", "assistant", "tool"]),
        st.one_of(TEXTS, st.lists(st.fixed_dictionaries({"text": TEXTS}), max_size=2), st.none()),
        st.dictionaries(st.sampled_from(["name", "tool_calls"]), TEXTS, max_size=2),
    ),
    min_size=1,
    max_size=5,
).map(tuple)


@holds_for(text=TEXTS)
def test_any_text_is_stored_and_restored(text: str) -> None:
    assert restored(stored(text) or "") == text


FLOATS = st.one_of(st.none(), st.floats(allow_nan=False))


@holds_for(numbers=st.lists(FLOATS, min_size=12, max_size=12))
def test_any_numbers_are_packed_and_unpacked(numbers: list[float | None]) -> None:
    assert unpacked(packed(numbers)) == numbers


@holds_for(value=VALUES)
def test_any_value_is_json_that_every_reader_takes(value: Any) -> None:
    text = Cleaner(()).json(value)
    assert text.isascii()
    read = json.loads(text, parse_constant=lambda name: 1 / 0)
    assert read == _finite(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return json.dumps(value)
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list) else value


LOGS: list[RequestLog] = []


def a_log() -> RequestLog:
    """One for many examples: a chain of messages may be found again, or begin anew."""
    if not LOGS or len(frame(LOGS[-1])) > 200:
        LOGS.append(RequestLog(Path(":memory:"), kernel="k"))
    return LOGS[-1]


@holds_for(messages=MESSAGES, reply=TEXTS, count=NUMBERS, response=st.dictionaries(TEXTS, VALUES))
def test_any_exchange_comes_back_as_it_was(
    messages: tuple[Message, ...], reply: str, count: Any, response: dict[str, Any]
) -> None:
    log = a_log()
    request = Request("m", messages, base_url="http://127.0.0.1:9/v1")
    started = datetime.now(UTC)
    number = log.start(request, started)
    usage = Usage.from_wire({"prompt_tokens": count, "total_tokens": 5})
    answer = Reply((Choice(0, reply, "stop"),), usage=usage, response=response)
    log.finish(Exchange(request, started, number, "ok", answer))
    assert number > 0, log.take_notices()  # written, not kept in memory for a failure
    assert log.unwritten() == ()
    assert log_rows.messages_of(log, number) == messages
    row = frame(log).iloc[-1]
    assert row["id"] == number
    assert row["reply"] == re.sub("[\ud800-\udfff]", "\ufffd", reply)
    assert row["total_tokens"] == 5
    if response:
        json.loads(row["response"], parse_constant=lambda name: 1 / 0)


@holds_for(messages=MESSAGES, reply=TEXTS)
def test_any_row_returns_from_the_spool_as_it_was(
    messages: tuple[Message, ...], reply: str
) -> None:
    log = RequestLog(Path("/dev/null/log.sqlite"))  # where nothing can be written
    request = Request("m", messages)
    number = log.start(request, datetime.now(UTC))
    answer = Reply((Choice(0, reply, "stop"),))
    log.finish(Exchange(request, datetime.now(UTC), number, "ok", answer))
    (record,) = log.unwritten()
    line = json.dumps(spool._to_json(record))
    assert spool._from_json(json.loads(line)) == record
