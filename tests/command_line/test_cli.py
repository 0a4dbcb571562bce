"""`chatnb ...`: one line where it goes wrong, and the exit code says so."""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chatnb import cli
from chatnb.local.server_state import RunningServer
from chatnb.log_lookup import default_path
from chatnb.records import Choice, Exchange, Message, Reply, Request
from chatnb.request_log import RequestLog, log_file


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["--version"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out.startswith("chatnb 0.")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["--loud"],
        ["demo", "--loud"],
        ["log", "purge", "--before", "soon"],
    ],
)
def test_what_is_no_command_ends_with_2_and_a_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(arguments)
    assert exit_.value.code == 2
    assert "error:" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "usage"), [([], "chatnb"), (["local"], "chatnb local"), (["log"], "chatnb log")]
)
def test_a_command_without_its_command_shows_its_help(
    arguments: list[str], usage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    told = capsys.readouterr()
    assert told.out.startswith(f"usage: {usage} ")
    assert "COMMAND" in told.out
    assert told.err == ""


def test_what_is_no_date_names_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["log", "purge", "--before", "yesterday"])
    assert "a date like 2026-01-31" in capsys.readouterr().err


def test_the_help_of_export_lists_the_formats(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["log", "export", "--help"])
    told = capsys.readouterr().out
    assert all(ending in told for ending in (".csv", ".jsonl", ".parquet"))


def test_log_path_is_the_one_that_kernels_write_to(
    log_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["log", "path"]) == 0
    assert capsys.readouterr().out == f"{log_path}\n"
    assert default_path() == log_path
    assert not log_path.exists()


@pytest.fixture
def log_of_two_days(log_path: Path) -> Path:
    """A log with one request of 2025 and one of 2026."""
    log = RequestLog()
    for year in (2025, 2026):
        started = datetime(year, 6, 1, tzinfo=UTC)
        request = Request("tiny", (Message("user", f"in {year}"),))
        row = log.start(request, started)
        reply = Reply((Choice(0, "yes", "stop"),))
        log.finish(Exchange(request, started, row, "ok", reply, seconds=1.0))
    log.close()
    return log_path


def _prompts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["log", "export", "log.jsonl", "--overwrite"]) == 0
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    return [json.loads(line)["prompt"] for line in lines]


@pytest.mark.usefixtures("log_of_two_days")
def test_log_export_writes_every_row_and_replaces_no_file_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _prompts(tmp_path, monkeypatch) == ["in 2025", "in 2026"]
    assert capsys.readouterr().out == "2 rows written to log.jsonl\n"
    assert cli.main(["log", "export", "log.jsonl"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("chatnb: ")
    assert "--overwrite" in error
    assert error.count("\n") == 1


@pytest.mark.usefixtures("log_of_two_days")
def test_log_purge_deletes_what_is_older(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli.main(["log", "purge", "--before", "2026-01-01", "--yes"]) == 0
    assert _prompts(tmp_path, monkeypatch) == ["in 2026"]


@pytest.mark.usefixtures("log_of_two_days")
def test_log_purge_asks_first_and_deletes_nothing_without_a_yes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert cli.main(["log", "purge"]) == 1
    assert len(_prompts(tmp_path, monkeypatch)) == 2


@pytest.fixture
def foreign_database(log_path: Path) -> bytes:
    """What stands where the log should be: the database of another program."""
    log_path.parent.mkdir()
    with closing(sqlite3.connect(log_path)) as database:
        database.execute("CREATE TABLE mine(value)")
    return log_path.read_bytes()


@pytest.mark.parametrize("command", [["export", "log.csv"], ["purge", "--yes"]])
def test_a_database_of_another_program_is_neither_an_empty_log_nor_purged(
    command: list[str],
    foreign_database: bytes,
    log_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["log", *command]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "database of another program" in told.err
    assert all(line.startswith("chatnb: ") for line in told.err.splitlines())
    assert log_path.read_bytes() == foreign_database
    assert not Path("log.csv").exists()


@pytest.mark.parametrize("command", [["export", "log.csv"], ["purge", "--yes"]])
def test_where_a_corrupt_log_is_kept_is_told(
    command: list[str],
    log_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    log_path.parent.mkdir()
    log_path.write_bytes(b"a secret, and not a database " * 500)
    assert cli.main(["log", *command]) == 1
    told = capsys.readouterr()
    (kept,) = log_path.parent.glob("*.corrupt-*")
    assert told.out == ""
    assert str(kept) in told.err
    assert cli.main(["log", *command]) == 0  # the new one is sound


@pytest.mark.usefixtures("log_of_two_days")
def test_log_purge_says_when_another_program_holds_the_log(
    log_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(log_file, "_BUSY_S", 0.05)
    with closing(sqlite3.connect(log_path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert cli.main(["log", "purge", "--yes"]) == 1
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err.startswith("chatnb: Nothing was deleted: ")
        assert "database is locked" in told.err
        assert told.err.count("\n") == 1
    assert cli.main(["log", "purge", "--yes"]) == 0
    assert capsys.readouterr().out == "2 rows deleted\n"


@pytest.mark.model
def test_local_status_tells_the_model_and_its_server(
    gguf: Path, model_server: RunningServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["local", "fetch"]) == 0
    assert capsys.readouterr().out == f"Model: {model_server.model}, {gguf}\n"
    assert cli.main(["local", "status"]) == 0
    assert model_server.base_url in capsys.readouterr().out


def test_local_stop_says_that_nothing_ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert cli.main(["local", "stop"]) == 0
    assert capsys.readouterr().out == "No model server was running.\n"


def test_a_model_that_cannot_be_had_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHATNB_GGUF", str(tmp_path / "missing.gguf"))
    assert cli.main(["local", "fetch"]) == 1
    error = capsys.readouterr().err
    assert "cannot be read" in error
    assert error.count("\n") == 1
