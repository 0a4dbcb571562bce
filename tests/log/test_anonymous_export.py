"""A log to hand to a teacher: what was asked and what came, not by whom and where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from chatnb import cli
from chatnb.errors import RequestFailed
from chatnb.records import Adjustment, Attempt, Message, Origin
from chatnb.request_log import RequestLog
from chatnb.request_log.anonymous_rows import LEFT_OUT, NUMBERED
from chatnb.request_log.log_frame import frame
from tests.log.exchanges import logged, reply, request

HOME = "/home/ann-miller"
KEY = "a-key-of-no-known-shape-42"


@pytest.fixture
def log(log_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RequestLog:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", f"{tmp_path}/homes/ann")
    return RequestLog(log_path, kernel="kernel-of-ann", notebook=f"{HOME}/thesis.ipynb")


def exported(log: RequestLog, name: str = "log.jsonl") -> list[dict[str, Any]]:
    log.close()
    assert cli.main(["log", "export", "--anonymous", name]) == 0
    return [json.loads(line) for line in Path(name).read_text("ascii").splitlines()]


def test_what_was_asked_and_what_came_is_kept(log: RequestLog) -> None:
    asked = request("=1+1 and/or ~5", parameters={"temperature": 0.5, "stop": ["\n"]})
    logged(log, asked, reply("two", cost=0.25))
    whole = frame(log).iloc[0]
    (row,) = exported(log)
    assert list(row) == list(whole.index)
    for name in ("id", "prompt", "reply", "model", "temperature", "stop", "cost", "total_tokens"):
        assert row[name] == whole[name]
    assert row["messages"] == [{"role": "user", "content": "=1+1 and/or ~5"}]
    assert row["choices"] == ["two"]
    assert row["base_url"] == "https://api.openai.com"


def test_nothing_says_whose_rows_they_are(
    log: RequestLog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    asked = request(
        messages=(
            Message("user", [{"type": "image_url", "image_url": {"url": "data:of-ann-miller"}}]),
            Message("user", f"my key is {KEY}, see {HOME}/a.txt", {"name": "ann-miller"}),
            Message("assistant", f"C:\\Users\\ann-miller\\b.txt? {tmp_path}/homes/ann/c.txt"),
        ),
        base_url="http://ann-miller.local:8000/of-ann-miller/v1",
        origin=Origin("cell", "ann-miller's draft", 1, "cell-1", "ann-miller against bob"),
        parameters={"user": "ann-miller", "metadata": {"by": "ann-miller"},
                    "prompt_cache_key": "ann-miller", "safety_identifier": "ann-miller"},
        extra={"by": "ann-miller"},
        model="/models/of-ann-miller.gguf",
        adjusted=(Adjustment("x", "found at /srv/ann-miller/x"),),
    )  # fmt: skip
    error = RequestFailed("ann-miller.local:8000 is down; its log: /run/ann-miller/log.txt")
    error.__cause__ = OSError("/run/ann-miller")
    logged(
        log,
        asked,
        reply("gsk_0123456789abcdefghij", response={"by": "ann-miller"}, request_id="ann-miller"),
        status="error",
        error=error,
        attempts=(Attempt(1, None, 1.0, "ann-miller.local:8000 refused"), Attempt(2, 500)),
    )
    (row,) = exported(log)
    text = json.dumps(row)
    for trace in ("ann", "thesis", KEY, "gsk_", str(tmp_path), "8000", "bob"):
        assert trace not in text, (trace, text)
    assert row["prompt"] == "my key is [key removed], see [path]"
    assert row["error"] == "a private server is down; its log: [path]"
    assert row["messages"][1]["name"] == "name-1"
    assert row["messages"][0]["content"] == [{"type": "image_url"}]
    assert json.loads(row["attempt_log"])[0]["reason"] == "a private server refused"
    assert [row[name] for name in LEFT_OUT] == [None] * len(LEFT_OUT)
    assert [row[name] for name in NUMBERED] == [f"{name}-1" for name in NUMBERED]


def test_one_number_stands_for_one_name(log: RequestLog, log_path: Path) -> None:
    for name in ("main", "other", "main"):
        logged(log, request("Hi", origin=Origin("cell", name)))
    log.close()
    logged(RequestLog(log_path, kernel="another", notebook=None), request("Hi"))
    rows = exported(log)
    assert [row["conversation"][-1] for row in rows] == ["1", "2", "1", "1"]
    assert [row["kernel"] for row in rows] == ["kernel-1"] * 3 + ["kernel-2"]
    assert [row["notebook"] for row in rows] == ["notebook-1"] * 3 + [None]


@pytest.mark.parametrize(
    ("base_url", "where"),
    [
        ("http://127.0.0.1:4321/v1", "this machine"),
        ("http://10.0.0.5/v1", "a private server"),
        ("https://api.example/accounts/ann/v1", "https://api.example"),
    ],
)
def test_of_a_server_only_a_public_host_is_kept(log: RequestLog, base_url: str, where: str) -> None:
    logged(log, request("Hi", base_url=base_url))
    assert exported(log)[0]["base_url"] == where


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_every_format_has_the_same_columns(log: RequestLog, ending: str) -> None:
    logged(log, request(f"see {HOME}/a"))
    logged(log, request("Hi"), status="error")
    log.close()
    name = f"log{ending}"
    assert cli.main(["log", "export", "--anonymous", name]) == 0
    rows = pd.read_csv(name) if ending == ".csv" else pd.read_parquet(name)
    assert list(rows.columns) == list(frame(log, all=True).columns)
    assert rows["prompt"].tolist() == ["see [path]", "Hi"]
    assert rows["kernel"].tolist() == ["kernel-1"] * 2


def test_the_help_names_everything_that_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["log", "export", "--help"])
    told = capsys.readouterr().out
    assert all(name in told for name in (*LEFT_OUT, *NUMBERED))
    assert "read the file before you hand it on" in " ".join(told.split())


def test_a_path_before_an_escaped_quote_leaves_the_json_whole(log: RequestLog) -> None:
    stops = [f'see {HOME}/a"b', f"{HOME}\\", "C:\\Users\\", 'C:\\Users\\"']
    logged(log, request("Hi", parameters={"stop": stops}))
    (row,) = exported(log)
    assert json.loads(row["stop"]) == ['see [path]"b', "[path]", "[path]", '[path]"']
