"""Export for other programs, and rows deleted for good."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from chatnb.errors import InvalidInput
from chatnb.records import Exchange
from chatnb.request_log import RequestLog, log_file, log_rows
from chatnb.request_log.log_export import export, purge
from chatnb.request_log.log_frame import frame
from tests.log.exchanges import logged, reply, request

ROOT = Path(__file__).parents[2]


@pytest.fixture
def log(log_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RequestLog:
    monkeypatch.chdir(tmp_path)
    return RequestLog(log_path)


def test_json_lines_hold_every_row_exactly(log: RequestLog) -> None:
    logged(log, request("=1+1", "a", "b"), reply("ünï"))
    logged(log, request("two"), reply(usage=None), status="error")
    assert export(Path("log.jsonl"), log) == 2
    first, second = map(json.loads, Path("log.jsonl").read_text("ascii").splitlines())
    assert list(first) == list(frame(log).columns)
    assert first["messages"][0] == {"role": "user", "content": "=1+1"}
    assert (first["reply"], first["choices"], first["total_tokens"]) == ("ünï", ["ünï"], 43)
    assert datetime.fromisoformat(first["started"]).tzinfo is not None
    assert second["total_tokens"] is None
    assert Path("log.jsonl").stat().st_mode & 0o777 == 0o600


def test_spreadsheet_cells_that_look_like_formulas_are_quoted(log: RequestLog) -> None:
    for text in ("=cmd()", "+1", "-1", "@x", "\t=1", "\n=1", "＝1", "plain"):
        logged(log, request(text))
    assert export(Path("log.csv"), log) == 8
    rows = pd.read_csv("log.csv")
    assert rows["prompt"].tolist() == [
        "'=cmd()",
        "'+1",
        "'-1",
        "'@x",
        "'\t=1",
        "'\n=1",
        "'＝1",
        "plain",
    ]
    assert list(rows.columns) == list(frame(log).columns)
    assert json.loads(rows["messages"][0]) == [{"role": "user", "content": "=cmd()"}]


def test_an_empty_log_exports_its_header(log: RequestLog) -> None:
    assert export(Path("log.csv"), log) == 0
    assert Path("log.csv").read_text().startswith("id,started,kernel")


def test_parquet_without_pyarrow_says_so_in_one_line(
    log: RequestLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # as where it is not installed
    with pytest.raises(InvalidInput, match="pip install pyarrow"):
        export(Path("log.parquet"), log)


def test_parquet_keeps_types(log: RequestLog) -> None:
    logged(log, request("Hi"))
    assert export(Path("log.parquet"), log) == 1
    assert pd.read_parquet("log.parquet")["total_tokens"].tolist() == [43]


def test_an_existing_file_is_replaced_only_when_asked(log: RequestLog) -> None:
    logged(log, request("Hi"))
    file = Path("log.jsonl")
    file.write_text("mine")
    with pytest.raises(InvalidInput, match="another name, or --overwrite"):
        export(file, log)
    assert file.read_text() == "mine"
    assert export(file, log, overwrite=True) == 1
    assert file.read_text().startswith('{"id": 1')


def test_a_relative_path_stays_in_the_working_directory(log: RequestLog, tmp_path: Path) -> None:
    outside = tmp_path.parent / "outside.csv"
    with pytest.raises(InvalidInput, match="absolute"):
        export(Path("../outside.csv"), log)
    Path("link").symlink_to(tmp_path.parent)
    with pytest.raises(InvalidInput, match="absolute"):
        export(Path("link/outside.csv"), log)
    assert not outside.exists()
    assert export(tmp_path / "inside.csv", log) == 0


@pytest.mark.parametrize("name", ["log", "log.xlsx", "missing/log.csv"])
def test_a_name_that_cannot_be_written_is_one_line(log: RequestLog, name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        export(Path(name), log)
    assert "\n" not in caught.value.line


def test_purge_deletes_every_row_and_its_text(log: RequestLog) -> None:
    logged(log, request("a very secret prompt"), reply("a very secret reply"))
    assert purge(log) == 1
    assert frame(log, all=True).empty
    log.close()
    stored = b"".join(path.read_bytes() for path in log.path.parent.iterdir())
    assert b"very secret" not in stored


def test_purge_before_a_moment_keeps_later_rows_whole(log: RequestLog) -> None:
    old = datetime.now(UTC) - timedelta(days=10)
    asked = request("first question")
    number = log.start(asked, old)
    log.finish(Exchange(asked, old, number, "ok", reply("first answer")))
    kept = logged(log, request("first question", "first answer", "second question"))
    assert len(frame(log)) == 2
    assert purge(log, before=datetime.now(UTC) - timedelta(days=5)) == 1
    assert frame(log)["id"].tolist() == [kept]
    texts = [message.content for message in log_rows.messages_of(log, kept)]
    assert texts == ["first question", "first answer", "second question"]


def test_a_kernel_goes_on_after_another_process_purged(log: RequestLog) -> None:
    first = logged(log, request("one"), reply("two"))
    assert purge(RequestLog(log.path)) == 1
    again = logged(log, request("one", "two", "three"))
    assert again > first  # an id is never given twice
    texts = [message.content for message in log_rows.messages_of(log, again)]
    assert texts == ["one", "two", "three"]
    assert frame(log)["id"].tolist() == [again]


def test_purge_leaves_requests_in_the_air_alone(log: RequestLog) -> None:
    asked = request("Hi")
    number = log.start(asked, datetime.now(UTC))
    assert purge(log) == 0
    log.finish(Exchange(asked, datetime.now(UTC), number, "ok", reply()))
    assert frame(log)["status"].tolist() == ["ok"]


def test_a_row_that_ends_after_another_process_purged_keeps_its_columns(log: RequestLog) -> None:
    logged(log, request("one"))
    asked = request("two")
    number = log.start(asked, datetime.now(UTC))
    assert purge(RequestLog(log.path)) == 1  # with it goes what both rows would have shared
    log.finish(Exchange(asked, datetime.now(UTC), number, "ok", reply()))
    row = frame(log).iloc[0]
    assert (row["id"], row["status"], row["finish_reason"]) == (number, "ok", "stop")


def test_purge_raises_where_nothing_could_be_deleted(
    log: RequestLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "_BUSY_S", 0.05)
    logged(log, request("Hi"))
    with closing(sqlite3.connect(log.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(InvalidInput, match=r"Nothing was deleted: .* locked") as caught:
            purge(RequestLog(log.path))
    assert caught.value.kind == "log"
    assert len(frame(log)) == 1


READ_ONLY = """
import os, sys
from pathlib import Path
from chatnb.errors import InvalidInput
from chatnb.request_log import RequestLog
from chatnb.request_log.log_export import export, purge
from chatnb.request_log.log_frame import frame
frame(RequestLog(Path(":memory:")))  # imports, while they can be read
os.geteuid() or os.setuid(65534)  # root could write all the same
log = RequestLog(Path(sys.argv[1]))
for command in (lambda: purge(log), lambda: export(Path(sys.argv[2]), log, overwrite=True)):
    try:
        print(command())
    except InvalidInput as error:
        print(error.line.partition(":")[0])
"""


def test_a_log_that_may_only_be_read_is_exported_and_not_purged() -> None:
    with tempfile.TemporaryDirectory() as name:  # one that every user can reach
        directory = Path(name)
        out = directory / "out"
        out.mkdir()
        out.chmod(0o777)
        log = RequestLog(directory / "log.sqlite")
        logged(log, request("before"))
        log.close()
        log.path.chmod(0o444)
        directory.chmod(0o555)
        command = [sys.executable, "-c", READ_ONLY, str(log.path), str(out / "log.csv")]
        told = subprocess.check_output(command, cwd=ROOT, text=True, timeout=60)
        assert told.splitlines() == ["Nothing was deleted", "1"]


def test_purging_where_there_is_no_log_makes_none(log: RequestLog) -> None:
    assert purge(log) == 0
    assert not log.path.exists()
