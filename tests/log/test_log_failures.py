"""A log that fails loses no answer: one line says so, and the rows return."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chatnb.records import Exchange
from chatnb.request_log import RequestLog, log_file
from chatnb.request_log.log_frame import frame
from tests.log.exchanges import logged, reply, request

ROOT = Path(__file__).parents[2]


def test_a_log_that_cannot_be_made_keeps_rows_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    log = RequestLog(tmp_path / "file" / "log.sqlite")
    assert logged(log, request("one")) == -1
    assert logged(log, request("two")) == -2
    rows = frame(log)
    assert rows[["id", "prompt", "status"]].values.tolist() == [
        [-1, "one", "ok"],
        [-2, "two", "ok"],
    ]
    assert rows["messages"][0] == [{"role": "user", "content": "one"}]
    (notice,) = log.take_notices()
    assert "cannot be written" in notice
    assert "CHATNB_LOG" in notice
    assert "\n" not in notice


def test_a_full_disk_loses_no_row(log_path: Path) -> None:
    code = """
import resource, signal, sys
from pathlib import Path
from chatnb.request_log.log_frame import frame
from chatnb.request_log import RequestLog
from tests.log.exchanges import logged, request
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log = RequestLog(Path(sys.argv[1]))
logged(log, request("before"))
size = max(each.stat().st_size for each in log.path.parent.iterdir())
resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
assert logged(log, request("while full " + "x" * 9000)) < 0
assert len(frame(log)) == 2
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
logged(log, request("after"))
assert frame(log)["id"].tolist() == [1, 2, 3], frame(log)["id"].tolist()
assert frame(log)["status"].tolist() == ["ok"] * 3
print(*log.take_notices(), sep="\\n")
"""
    done = subprocess.run(
        [sys.executable, "-c", code, log_path],
        cwd=ROOT,
        timeout=60,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "cannot be written" in done.stdout
    assert "can be written again" in done.stdout


def test_a_disk_with_room_for_nothing_keeps_rows_in_memory_until_there_is_room(
    log_path: Path,
) -> None:
    code = """
import resource, signal, sys
from pathlib import Path
from chatnb.request_log.log_frame import frame
from chatnb.request_log import RequestLog
from tests.log.exchanges import logged, request
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log = RequestLog(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
for each in range(3):
    assert logged(log, request(f"{each}")) < 0
assert frame(log)["prompt"].tolist() == ["0", "1", "2"]
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
logged(log, request("3"))
log.close()
assert frame(RequestLog(log.path), all=True)["prompt"].tolist() == ["0", "1", "2", "3"]
assert not list(log.path.parent.glob("*.spool.jsonl"))
print(*log.take_notices(), sep="\\n")
"""
    command = [sys.executable, "-c", code, str(log_path)]
    said = subprocess.check_output(command, cwd=ROOT, timeout=60, text=True)
    assert "in memory only: set CHATNB_LOG" in said
    assert "can be written again; its rows are complete" in said


@pytest.fixture
def public_directory() -> Iterator[Path]:
    """A directory that every user can reach, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


READ_ONLY = """
import os, sys
from pathlib import Path
from chatnb.request_log.log_frame import frame
from chatnb.request_log import RequestLog
from tests.log.exchanges import logged, request
frame(RequestLog(Path(":memory:")))  # imports, while they can be read
os.geteuid() or os.setuid(65534)  # root could write all the same
log = RequestLog(Path(sys.argv[1]), kernel="k")
assert logged(log, request("now")) == -1
print(*frame(log)["prompt"])
"""


def test_a_read_only_directory_keeps_the_old_rows_readable(public_directory: Path) -> None:
    log = RequestLog(public_directory / "log.sqlite", kernel="k")
    logged(log, request("before"))
    log.close()
    log.path.chmod(0o444)
    public_directory.chmod(0o555)
    assert run(READ_ONLY, log.path) == "before now\n"
    public_directory.chmod(0o700)  # nor does one that cannot be entered raise
    assert run(READ_ONLY, log.path) == "now\n"


def run(code: str, path: Path) -> str:
    command = [sys.executable, "-c", code, str(path)]
    return subprocess.run(
        command, cwd=ROOT, timeout=60, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def test_a_corrupt_log_is_moved_away_and_overwrites_nothing(log_path: Path) -> None:
    log_path.parent.mkdir()
    contents = [b"not a database " * 500, b"nor this " * 500]
    notices = []
    for content in contents:
        log_path.write_bytes(content)
        log = RequestLog(log_path)
        logged(log, request("Hi"))
        assert frame(log)["prompt"].tolist() == ["Hi"]
        notices += [line for line in log.take_notices() if "was corrupt" in line]
        log.close()
    moved = sorted(log_path.parent.glob("log.corrupt-*"))
    assert [path.read_bytes() for path in moved] == contents
    assert len(notices) == 2
    assert str(moved[0]) in notices[0]


def test_a_log_that_is_corrupted_while_open_costs_no_row_from_then_on(log_path: Path) -> None:
    log = RequestLog(log_path)
    for each in range(50):
        logged(log, request(f"{each} " + "x" * 500))
    log.close()
    with log_path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (log_path.stat().st_size - 4096))
    logged(log, request("after"))
    assert frame(log)["prompt"].tolist() == ["after"]
    assert any("was corrupt" in line for line in log.take_notices())


def test_a_deleted_log_is_begun_anew_with_what_is_in_the_air(log_path: Path) -> None:
    log = RequestLog(log_path)
    logged(log, request("gone"))
    asked = request("in the air")
    flying = log.start(asked, datetime.now(UTC))
    for path in log_path.parent.iterdir():
        path.unlink()
    new = logged(log, request("new"))
    log.finish(Exchange(asked, datetime.now(UTC), flying, "ok", reply("landed")))
    rows = frame(log).set_index("prompt")
    assert rows["status"].to_dict() == {"in the air": "ok", "new": "ok"}
    assert rows.loc["in the air", "reply"] == "landed"
    assert new > flying


def test_a_log_that_fails_again_once_it_has_caught_up_has_each_row_once(log_path: Path) -> None:
    logged(RequestLog(log_path), request("before"))
    aside = log_path.with_name("aside")
    log_path.rename(aside)
    log_path.mkdir()
    log = RequestLog(log_path)
    asked, started = request("in the air"), datetime.now(UTC)
    number = log.start(asked, started)
    log_path.rmdir()
    aside.rename(log_path)
    with sqlite3.connect(log_path) as file:  # rows can be added and not changed
        file.execute("CREATE TRIGGER full BEFORE UPDATE OF status ON exchange"
                     " BEGIN SELECT RAISE(FAIL, 'disk full'); END")  # fmt: skip
    log.finish(Exchange(asked, started, number, "ok", reply("landed")))
    with sqlite3.connect(log_path) as file:
        file.execute("DROP TRIGGER full")
    logged(log, request("after"))
    assert frame(log, all=True)["prompt"].tolist() == ["before", "in the air", "after"]


def test_a_log_of_a_newer_chatnb_is_left_alone(log_path: Path) -> None:
    log = RequestLog(log_path)
    logged(log, request("old"))
    log.close()
    with sqlite3.connect(log_path) as database:
        database.execute("PRAGMA user_version=999")
    database.close()
    before = log_path.read_bytes()
    log = RequestLog(log_path)
    assert logged(log, request("Hi")) == -1
    assert frame(log, all=True)["prompt"].tolist() == ["Hi"]
    assert log_path.read_bytes() == before
    assert "newer chatnb" in log.take_notices()[0]
    assert len(list(log_path.parent.glob("*.spool.jsonl"))) == 1


def test_a_database_of_another_program_is_left_alone(log_path: Path) -> None:
    log_path.parent.mkdir()
    with sqlite3.connect(log_path) as database:
        database.execute("CREATE TABLE exchange(id)")
    database.close()
    log = RequestLog(log_path)
    assert logged(log, request("Hi")) == -1
    assert "another program" in log.take_notices()[0]


def test_a_symbolic_link_is_refused(log_path: Path, tmp_path: Path) -> None:
    log_path.parent.mkdir()
    log_path.symlink_to(tmp_path / "elsewhere.sqlite")
    log = RequestLog(log_path)
    assert logged(log, request("Hi")) == -1
    assert "symbolic link" in log.take_notices()[0]
    assert not (tmp_path / "elsewhere.sqlite").exists()


def test_without_wal_the_log_works_and_says_so(
    log_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "wal_works_in", lambda _: False)
    log = RequestLog(log_path)
    logged(log, request("Hi"))
    assert frame(log)["status"].tolist() == ["ok"]
    assert "write-ahead log" in log.take_notices()[0]
    mode = log.read(lambda database: database.execute("PRAGMA journal_mode").fetchone())
    assert mode == ("delete",)


def test_the_probe_for_wal_leaves_nothing_behind(tmp_path: Path) -> None:
    assert log_file.wal_works_in(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert not log_file.wal_works_in(tmp_path / "missing")


def test_a_locked_log_keeps_the_row_and_lets_the_next_ones_pass(
    log_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_file, "_BUSY_S", 0.05)
    monkeypatch.setattr(log_file, "_OPENING_S", 0.2)
    log = RequestLog(log_path)
    logged(log, request("before"))
    log.close()
    blocker = sqlite3.connect(log_path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    assert logged(log, request("while locked")) < 0
    assert frame(log)["prompt"].tolist() == ["before", "while locked"]
    blocker.execute("ROLLBACK")
    blocker.close()
    log._access._not_before = 0  # the pause after a slow failure, over
    logged(log, request("after"))
    assert frame(log)["prompt"].tolist() == ["before", "while locked", "after"]


def test_a_finished_row_survives_a_transaction_that_was_interrupted_before_it(
    log_path: Path,
) -> None:
    log = RequestLog(log_path)
    logged(log, request("one"))
    asked = request("two")
    number = log.start(asked, datetime.now(UTC))
    log.read(lambda database: database.execute("BEGIN IMMEDIATE"))
    log.finish(Exchange(asked, datetime.now(UTC), number, "ok", reply()))
    log.close()
    assert frame(log)["status"].tolist() == ["ok", "ok"]


def test_only_what_ended_waits_for_the_disk(log_path: Path) -> None:
    log = RequestLog(log_path)
    levels = []
    for each in range(3):
        asked = request(f"{each}")
        number = log.start(asked, datetime.now(UTC))
        levels.append(log.read(lambda database: database.execute("PRAGMA synchronous").fetchone()))
        log.finish(Exchange(asked, datetime.now(UTC), number, "ok", reply()))
        levels.append(log.read(lambda database: database.execute("PRAGMA synchronous").fetchone()))
    normal, full = (1,), (2,)
    assert levels == [normal, full] * 3
