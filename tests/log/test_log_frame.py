"""The DataFrame: its columns are a contract, empty or not, and nobody can spoil it for the next."""

from __future__ import annotations

import copy
import pickle
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import pandas as pd
import pytest

from chatnb.errors import PartialReply
from chatnb.parameters import columns as parameter_columns
from chatnb.records import Adjustment, Attempt, Choice, Exchange, Message, Origin, Usage
from chatnb.request_log import RequestLog, log_frame
from chatnb.request_log.log_frame import LogFrame, frame
from chatnb.request_log.log_view import as_html, totals
from tests.log.exchanges import BASE_URL, logged, reply, request

CONTRACT = """
id started kernel notebook conversation turn cell source comparison base_url model response_model
status finish_reason prompt reply reasoning choices messages PARAMETERS
prompt_tokens completion_tokens total_tokens cached_tokens reasoning_tokens usage_source cost
first_token_s seconds attempts attempt_log adjusted http_status request_id error_kind error_param
error error_detail request response
"""


@pytest.fixture
def log() -> RequestLog:
    return RequestLog(Path(":memory:"), kernel="k", notebook="a.ipynb")


def test_the_columns_are_the_contract_also_when_empty(log: RequestLog) -> None:
    names = CONTRACT.replace("PARAMETERS", " ".join(parameter_columns())).split()
    empty = frame(log)
    assert list(empty.columns) == names
    logged(log, request("Hi"))
    full = frame(log)
    assert (full.dtypes == empty.dtypes).all()
    assert str(full.dtypes["started"]) == "datetime64[us, UTC]"
    assert set(map(str, full.dtypes)) == {
        "Int64", "Float64", "boolean", "string", "object", "datetime64[us, UTC]"
    }  # fmt: skip


def test_every_value_of_an_exchange_has_its_column(log: RequestLog) -> None:
    asked = request(
        "Hi",
        origin=Origin("cell", "main", 3, "abc", "left"),
        parameters={"temperature": 0, "stop": "END", "logit_bias": {"5": -100}, "store": False},
        extra={"seed": 7, "top_k": 40},
        stream=True,
        adjusted=(Adjustment("max_tokens", "renamed", 5, None),),
    )
    answer = reply(
        "Hello",
        choices=(Choice(0, "Hello", "stop", reasoning="hm"),),
        usage=Usage(17, 26, 43, 5, 0),
        cost=0.25,
        response={"id": "chatcmpl-1"},
        request_id="req_1",
    )
    attempts = (Attempt(1, 429, 0.5), Attempt(2, 200))
    started = datetime(2026, 11, 23, 5, 6, 7, 890123, tzinfo=UTC)
    number = log.start(asked, started)
    log.finish(Exchange(asked, started, number, "ok", answer, None, attempts, 0.1, 0.7))
    row = frame(log).iloc[0].dropna().to_dict()
    assert row.pop("messages") == [{"role": "user", "content": "Hi"}]
    assert row == {
        "id": 1, "started": pd.Timestamp(started), "kernel": "k", "notebook": "a.ipynb",
        "conversation": "main", "turn": 3, "cell": "abc", "source": "cell", "comparison": "left",
        "base_url": BASE_URL, "model": "gpt-6-luna", "response_model": "gpt-6-luna",
        "status": "ok", "finish_reason": "stop", "prompt": "Hi", "reply": "Hello",
        "reasoning": "hm", "choices": ["Hello"], "temperature": 0.0, "stream": True,
        "stop": "END", "logit_bias": '{"5": -100}', "seed": 7, "store": False,
        "prompt_tokens": 17, "completion_tokens": 26, "total_tokens": 43, "cached_tokens": 5,
        "reasoning_tokens": 0, "usage_source": "server", "cost": 0.25, "first_token_s": 0.1,
        "seconds": 0.7, "attempts": 2, "http_status": 200, "request_id": "req_1",
        "attempt_log": '[{"number": 1, "status": 429, "wait": 0.5, "reason": ""}, '
        '{"number": 2, "status": 200, "reason": ""}]',
        "adjusted": '[{"field": "max_tokens", "why": "renamed", "asked": 5}]',
        "request": '{"top_k": 40}', "response": '{"id":"chatcmpl-1"}',
    }  # fmt: skip


def test_a_failure_is_a_row_with_its_line_and_its_causes(log: RequestLog) -> None:
    error = PartialReply("The connection broke.", kind="connection", http_status=200)
    error.__cause__ = OSError("reset")
    partial = reply(choices=(Choice(0, "Hel"),), usage=None)
    logged(log, request("Hi"), partial, status="partial", error=error)
    row = frame(log).iloc[0]
    assert (row["status"], row["error_kind"], row["reply"]) == ("partial", "connection", "Hel")
    assert row["error"] == "The connection broke."
    assert row["error_detail"].endswith("OSError: reset")
    assert row[["prompt_tokens", "total_tokens", "cost", "usage_source"]].isna().all()


def test_a_started_row_is_refreshed_when_it_ends(log: RequestLog) -> None:
    asked = request("Hi")
    number = log.start(asked, datetime.now(UTC))
    logged(log, request("later"))
    assert frame(log)["status"].tolist() == ["started", "ok"]
    log.finish(Exchange(asked, datetime.now(UTC), number, "ok", reply("done")))
    rows = frame(log)
    assert rows["status"].tolist() == ["ok", "ok"]
    assert rows["reply"][0] == "done"


@pytest.mark.parametrize("step", ["_table", "_overlaid", "_with_unwritten"])
def test_a_frame_that_was_interrupted_is_whole_the_next_time(
    log: RequestLog, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    logged(log, request("before"))
    asked = request("in the air")
    flying = log.start(asked, datetime.now(UTC))
    frame(log)
    logged(log, request("after"))
    with monkeypatch.context() as patch:
        patch.setattr(log_frame, step, interrupted)
        with pytest.raises(KeyboardInterrupt):
            frame(log)
    assert frame(log)["prompt"].tolist() == ["before", "in the air", "after"]
    log.finish(Exchange(asked, datetime.now(UTC), flying, "ok", reply()))
    assert frame(log)["status"].tolist() == ["ok"] * 3


def interrupted(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def test_a_frame_that_was_changed_leaves_the_next_one_as_it_is(log: RequestLog) -> None:
    logged(log, request("Hi"))
    rows = frame(log)
    rows.loc[0, "prompt"] = "spoiled"
    rows["total_tokens"] = 0
    del rows["reply"]
    with pytest.raises(TypeError, match="records"):
        rows["choices"][0].append("spoiled")
    again = frame(log)
    assert again["prompt"].tolist() == ["Hi"]
    assert again["total_tokens"].tolist() == [43]
    assert again["reply"].tolist() == ["Hello!"]


def test_an_older_frame_stays_as_it_was_when_rows_are_added(log: RequestLog) -> None:
    logged(log, request("one"))
    old = frame(log)
    logged(log, request("two"))
    new = frame(log)
    old.loc[0, "prompt"] = "changed"
    assert new["prompt"].tolist() == ["one", "two"]
    assert frame(log)["prompt"].tolist() == ["one", "two"]


def test_every_operation_gives_an_ordinary_dataframe(log: RequestLog) -> None:
    logged(log, request("Hi"), reply(choices=(Choice(0, "a"), Choice(1, "b"))))
    rows = frame(log)
    assert isinstance(rows, LogFrame)
    for result in (
        rows.head(),
        rows[["id"]],
        rows.copy(),
        rows[rows["id"] > 0],
        copy.deepcopy(rows),
    ):
        assert type(result) is pd.DataFrame
    assert rows.explode("choices")["choices"].tolist() == ["a", "b"]
    assert rows["choices"].str.len().tolist() == [2]
    assert list(rows.groupby("model")["total_tokens"].sum()) == [43]


def test_messages_are_read_when_touched_and_copy_as_a_plain_list(log: RequestLog) -> None:
    logged(log, request("one", "two", "three"))
    messages = frame(log)["messages"][0]
    plain = [{"role": r, "content": c} for r, c in
             (("user", "one"), ("assistant", "two"), ("user", "three"))]  # fmt: skip
    assert (len(messages), messages[-1], messages[:1]) == (3, plain[-1], plain[:1])
    assert messages == plain
    assert list(messages) == plain
    assert pickle.loads(pickle.dumps(messages)) == plain
    assert copy.deepcopy(messages) == plain
    assert "one" not in repr(messages)


def test_the_frame_of_this_kernel_leaves_out_other_kernels(log_path: Path) -> None:
    logged(RequestLog(log_path, kernel="a"), request("of a"))
    mine = RequestLog(log_path, kernel="b")
    logged(mine, request("of b"))
    assert frame(mine)["prompt"].tolist() == ["of b"]
    assert frame(mine, all=True)["kernel"].tolist() == ["a", "b"]


def test_without_a_log_a_frame_is_made_but_no_file(log_path: Path) -> None:
    assert frame(RequestLog(log_path), all=True).empty
    assert not log_path.exists()


def test_the_output_shows_the_newest_rows_first_and_the_totals(log: RequestLog) -> None:
    for each in range(25):
        logged(log, request(f"prompt {each}"), reply(cost=0.01))
    logged(log, request("bad"), reply(usage=None), status="error")
    rows = frame(log)
    text, html = repr(rows), rows._repr_html_()
    assert text.index("bad") < text.index("prompt 24") < text.index("prompt 7")
    assert "prompt 4 " not in text
    for shown in (text, html):
        assert "… 6 earlier" in shown
        assert "26 requests, 1 failure, 1,075 tokens (unknown for 1)" in shown
        assert "cost $0.25 (unknown for 1)" in shown
    assert "No requests yet" in repr(frame(RequestLog(Path(":memory:"))))


def test_the_output_shows_hostile_text_as_text(log: RequestLog) -> None:
    hostile = '<script>alert(1)</script><img src=x onerror=alert(1)> $x$ \x1b[31m "quoted"'
    logged(log, request(hostile, model=hostile), reply(hostile))
    rows = frame(log)
    html = as_html(rows)
    assert "<script" not in html
    assert "<img" not in html
    assert "mathjax_ignore" in html
    assert "\x1b" not in html + repr(rows)


def test_totals_of_requests_in_the_air_are_not_called_unknown(log: RequestLog) -> None:
    log.start(request("Hi"), datetime.now(UTC))
    assert totals(frame(log)) == "1 request, 0 failures, 0 tokens, cost $0"


def test_costs_that_nobody_knows_are_called_unknown(log: RequestLog) -> None:
    logged(log, request("one"), reply())
    logged(log, request("two"), reply(usage=None))
    assert totals(frame(log)).endswith(", 43 tokens (unknown for 1), cost unknown")
    assert "?" not in as_html(frame(log)) + repr(frame(log))


def test_what_was_stopped_is_no_failure(log: RequestLog) -> None:
    logged(log, request("one"), reply("Hal", usage=None), status="interrupted")
    logged(log, request("two"), reply(usage=None), status="error")
    expected = "2 requests, 1 failure, 1 stopped, tokens unknown, cost unknown"
    assert totals(frame(log)) == expected


def test_an_error_stands_in_the_reply_cell_after_what_had_come(log: RequestLog) -> None:
    error = PartialReply("The connection <broke>.")
    logged(log, request("one"), reply("Half an", usage=None), status="partial", error=error)
    rows = frame(log)
    assert "Half an · The connection <broke>." in repr(rows)
    assert re.search(r">Half an<div [^>]*>The connection &lt;broke&gt;\.</div></td>", as_html(rows))


def test_the_log_is_written_without_pandas() -> None:
    code = (
        "import sys; from pathlib import Path; from datetime import UTC, datetime\n"
        "from chatnb.request_log import RequestLog\n"
        "from tests.log.exchanges import logged, request\n"
        "logged(RequestLog(Path(':memory:')), request('Hi'))\n"
        "assert not {'pandas', 'numpy', 'openai', 'genai_prices'} & set(sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True, timeout=60
    )


def test_content_parts_show_their_text_as_the_prompt(log: RequestLog) -> None:
    parts = [
        {"type": "text", "text": "What is"},
        {"type": "image_url"},
        {"type": "text", "text": "it?"},
    ]
    logged(log, request(messages=(Message("user", parts),)))
    assert frame(log)["prompt"].tolist() == ["What is\nit?"]
