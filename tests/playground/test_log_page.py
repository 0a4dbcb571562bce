"""The log page: rows that travel once, the exact request of each, and files that replace none."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chatnb.errors import InvalidInput, PartialReply
from chatnb.playground.log_page import exported, loaded, row_event, rows_event
from chatnb.records import Adjustment, Attempt, Choice, Exchange, Message, Origin, Usage
from chatnb.request_log import RequestLog
from chatnb.request_log.log_export import purge
from tests.log.exchanges import BASE_URL, logged, reply, request

KEY = "a-key-that-nobody-may-see"


@pytest.fixture
def log(tmp_path):
    log = RequestLog(tmp_path / "log.sqlite", kernel="here", secrets=lambda: [KEY])
    yield log
    log.close()


def test_rows_are_compact_and_what_is_unknown_is_null(log):
    origin = Origin("panel", "main", 1, None, "left")
    logged(log, request("One\n two " + "x" * 500, origin=origin), reply("Hi", cost=0.25))
    logged(log, request("Hi"), reply(usage=None), status="error", error=PartialReply("It broke."))
    event = rows_event(log)
    first, second = json.loads(json.dumps(event["rows"], allow_nan=False))
    assert datetime.fromisoformat(first.pop("started")).utcoffset().total_seconds() == 0
    prompt = first.pop("prompt")
    assert prompt.startswith("One two xxx")
    assert (len(prompt), prompt[-1]) == (120, "…")
    assert first == {
        "id": 1, "source": "panel", "conversation": "main", "model": "gpt-6-luna", "status": "ok",
        "finish_reason": "stop", "reply": "Hi", "prompt_tokens": 17, "completion_tokens": 26,
        "total_tokens": 43, "cost": 0.25, "seconds": 0.5, "error": None, "comparison": "left",
    }  # fmt: skip
    assert (second["error"], second["total_tokens"], second["cost"]) == ("It broke.", None, None)
    assert event["totals"] == (
        "2 requests, 1 failure, 43 tokens (unknown for 1), cost $0.25 (unknown for 1), 1.0 s"
    )


def test_an_empty_log_has_no_rows_and_makes_no_file(log):
    event = rows_event(log)
    assert (event["rows"], event["settled"], event["earlier"]) == ([], 0, 0)
    assert not log.path.exists()


def test_only_the_last_rows_come_and_the_others_are_counted(log):
    for number in range(5):
        logged(log, request(f"prompt {number}"))
    event = rows_event(log, limit=2)
    assert [row["prompt"] for row in event["rows"]] == ["prompt 3", "prompt 4"]
    assert (event["earlier"], event["all"]) == (3, True)
    assert event["totals"].startswith("5 requests")


def test_of_more_new_rows_than_there_is_room_for_the_earlier_are_counted_too(log):
    logged(log, request("first"))
    seen = rows_event(log, limit=2)
    for number in range(4):
        logged(log, request(f"sample {number}"))
    event = rows_event(log, limit=2, since=seen["settled"])
    assert [row["prompt"] for row in event["rows"]] == ["sample 2", "sample 3"]
    assert (event["earlier"], event["all"]) == (3, True)


def test_a_row_comes_once_more_only_if_it_could_still_change(log):
    logged(log, request("done"))
    asked = request("in the air")
    number = log.start(asked, datetime.now(UTC))
    logged(log, request("done too"))
    first = rows_event(log)
    assert [row["status"] for row in first["rows"]] == ["ok", "started", "ok"]
    log.finish(Exchange(asked, datetime.now(UTC), number, "ok", reply("landed")))
    second = rows_event(log, since=first["settled"])
    assert [row["reply"] for row in second["rows"]] == ["landed", "Hello!"]
    assert second["all"] is False
    assert rows_event(log, since=second["settled"])["rows"] == []


def test_rows_that_the_disk_does_not_have_yet_come_with_every_event(tmp_path):
    log = RequestLog(tmp_path, kernel="here")  # a directory: nothing can be written there
    logged(log, request("Hi"))
    event = rows_event(log)
    assert [row["id"] for row in event["rows"]] == [-1]
    assert len(rows_event(log, since=event["settled"])["rows"]) == 1
    assert json.loads(row_event(log, -1)["request"])["messages"][0]["content"] == "Hi"


def test_rows_of_other_kernels_are_not_this_pages(log):
    other = RequestLog(log.path, kernel="there")
    number = logged(other, request("not mine"))
    assert rows_event(log)["rows"] == []
    assert "no longer" in row_event(log, number)["line"]
    other.close()


def test_the_request_of_a_row_is_the_body_that_was_sent(log):
    asked = request(
        messages=(Message("system", "Be brief."), Message("user", "Hé", {"name": "Ana"})),
        parameters={"temperature": 0, "stop": ["a"], "logit_bias": {"5": -100}, "seed": 2**60},
        extra={"top_k": 40, "nested": {"a": [1, None]}},
        stream=True,
    )
    shown = row_event(log, logged(log, asked))["request"]
    assert json.loads(shown) == asked.body()
    assert list(json.loads(shown)) == list(asked.body())
    assert '"temperature": 0,' in shown
    assert "Hé" in shown


def test_the_response_of_a_row_has_the_apis_own_form(log):
    answer = reply(
        "Hello",
        choices=(Choice(0, "Hello", "stop", reasoning="hm", details={"logprobs": {"a": 1}}),),
        usage=Usage(17, 26, 43, 5, 3),
        response={"id": "chatcmpl-1", "created": 5},
    )
    assert json.loads(row_event(log, logged(log, request("Hi"), answer))["response"]) == {
        "model": "gpt-6-luna",
        "id": "chatcmpl-1",
        "created": 5,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello", "reasoning": "hm"},
                "finish_reason": "stop",
                "logprobs": {"a": 1},
            }
        ],
        "usage": {
            "prompt_tokens": 17,
            "completion_tokens": 26,
            "total_tokens": 43,
            "prompt_tokens_details": {"cached_tokens": 5},
            "completion_tokens_details": {"reasoning_tokens": 3},
        },
    }


def test_every_choice_is_in_the_response_and_a_refusal_is_one(log):
    choices = (Choice(0, "a", "stop"), Choice(1, "", "stop", refusal="No."))
    number = logged(log, request("Hi"), reply(choices=choices))
    first, second = json.loads(row_event(log, number)["response"])["choices"]
    assert (first["message"]["content"], first["finish_reason"]) == ("a", "stop")
    assert (second["message"]["content"], second["message"]["refusal"]) == (None, "No.")


def test_a_failed_row_says_what_happened_and_how_often_it_was_tried(log):
    error = PartialReply("The connection broke.", http_status=200)
    error.__cause__ = OSError("reset")
    asked = request("Hi", adjusted=(Adjustment("max_tokens", "renamed"),))
    attempts = (Attempt(1, 429, 0.5), Attempt(2, 200))
    number = logged(
        log, asked, reply(choices=(), usage=None), status="partial", error=error, attempts=attempts
    )
    event = row_event(log, number)
    assert event["error"] == "The connection broke."
    assert event["detail"].endswith("OSError: reset")
    facts = dict(event["facts"])
    assert (facts["status"], facts["server"], facts["HTTP status"]) == ("partial", BASE_URL, "200")
    assert facts["attempts"] == "2; 429, waited 0.5 s"
    assert facts["changed by chatnb"] == "max_tokens: renamed"
    assert "cost" not in facts


@pytest.mark.parametrize(
    ("cost", "told"), [(0.000012, "$0.000012"), (0.25, "$0.2500"), (0.0, "$0"), (None, None)]
)
def test_what_a_row_cost_is_told_as_its_receipt_tells_it(log, cost, told):
    event = row_event(log, logged(log, request("Hi"), reply("Hello", cost=cost)))
    assert dict(event["facts"]).get("cost") == told


def test_a_request_in_the_air_has_no_response(log):
    number = log.start(request("Hi"), datetime.now(UTC))
    assert row_event(log, number)["response"] is None


def test_a_row_that_was_purged_is_one_line(log):
    number = logged(log, request("Hi"))
    purge(log)
    assert row_event(log, number)["line"] == "This row is no longer in the log."
    with pytest.raises(InvalidInput, match="no longer"):
        loaded(log, number)


def test_very_long_texts_are_cut_and_say_so(log):
    number = logged(log, request("x" * 5_000_000), reply("y" * 30_000))
    event = row_event(log, number)
    assert "4,990,000 more characters: an export has them all" in event["request"]
    assert json.loads(event["request"])["model"] == "gpt-6-luna"
    assert "20,000 more characters" in event["response"]
    long = logged(log, request(*["z" * 9_000] * 101))
    assert len(row_event(log, long)["request"]) < 201_000


def test_half_a_character_does_not_stop_a_row_from_travelling(log):
    asked = request("half \ud83d", parameters={"user": "\ud83d"})
    event = row_event(log, logged(log, asked, reply("\ud83d")))
    json.dumps(event, ensure_ascii=False).encode()
    assert json.loads(event["request"]) == asked.body()


def test_no_key_is_in_what_a_page_is_told(log):
    asked = request(f"it is {KEY}", parameters={"user": KEY}, extra={"token": KEY})
    number = logged(log, asked, reply(f"so {KEY}"), error=PartialReply(f"bad {KEY}"))
    told = json.dumps([rows_event(log), row_event(log, number), loaded(log, number)])
    assert KEY not in told
    assert "[key removed]" in told


def test_settings_and_prompt_of_a_row_come_back_as_they_were_set(log):
    asked = request(
        "one", "two", "And\nnow?",
        parameters={"temperature": 0, "stop": "END", "n": 2, "logit_bias": {"5": -100}},
        extra={"top_k": 40}, stream=True, model="tiny",
    )  # fmt: skip
    found = loaded(log, logged(log, asked))
    assert found == {
        "parameters": {
            "temperature": 0, "stop": "END", "n": 2, "logit_bias": {"5": -100},
            "extra": {"top_k": 40},
        },
        "prompt": "And\nnow?",
        "model": "tiny",
    }  # fmt: skip
    assert isinstance(found["parameters"]["temperature"], int)


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_an_export_is_a_new_file_beside_those_that_are_there(log, tmp_path, format):
    logged(log, request("Hi"))
    lines = [exported(log, format, tmp_path) for _ in range(3)]
    files = sorted(tmp_path.glob(f"chatnb-log-*.{format}"))
    assert len(files) == 3
    assert all(str(tmp_path) in line and "1 row is" in line for line in lines)


def test_an_export_has_the_rows_of_this_kernel_alone(log, tmp_path):
    other = RequestLog(log.path, kernel="there")
    logged(other, request("not mine"))
    other.close()
    logged(log, request("mine"))
    assert exported(log, "jsonl", tmp_path).startswith("1 row is in ")
    (file,) = tmp_path.glob("chatnb-log-*.jsonl")
    assert json.loads(file.read_text())["prompt"] == "mine"


def test_an_export_in_another_format_is_refused_in_one_line(log, tmp_path):
    with pytest.raises(InvalidInput, match=r"\.csv, \.jsonl or \.parquet"):
        exported(log, "xlsx", tmp_path)


def test_an_export_stays_in_its_directory(log, tmp_path):
    logged(log, request("Hi"))
    directory = tmp_path / "in" / "here"
    directory.mkdir(parents=True)
    exported(log, "csv/../../elsewhere.csv", directory)
    assert [path.parent for path in tmp_path.rglob("*.csv")] == [directory]


def test_parquet_that_is_not_installed_says_what_to_install(log, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # as where it is not installed
    with pytest.raises(InvalidInput, match="pip install pyarrow"):
        exported(log, "parquet", tmp_path)


def test_the_page_imports_pandas_only_once_it_is_opened():
    code = (
        "import sys; from pathlib import Path\n"
        "from chatnb.playground.log_page import rows_event\n"
        "from chatnb.request_log import RequestLog\n"
        "assert 'pandas' not in sys.modules\n"
        "rows_event(RequestLog(Path(':memory:')))\n"
        "assert 'pandas' in sys.modules"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True, timeout=60)
