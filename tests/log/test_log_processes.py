"""Several kernels share one log, and any of them may be killed at any moment."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chatnb.request_log import RequestLog
from chatnb.request_log.log_frame import frame
from chatnb.request_log.process_identity import ProcessIdentity
from tests.log.exchanges import logged, request

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from chatnb.request_log import RequestLog
from tests.log.exchanges import logged, reply, request
log = RequestLog(Path(sys.argv[1]), kernel=sys.argv[2])
"""
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(log_path: Path) -> Start:
    """Starts a process that has a log of its own and runs the code."""

    def start(code: str, kernel: str = "other") -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM + code, str(log_path), kernel],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    return start


def test_a_row_whose_process_was_killed_becomes_lost(log_path: Path, start: Start) -> None:
    process = start(
        "log.start(request('Hi'), datetime.now(UTC)); print('sent', flush=True); input()"
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "sent\n"
    log = RequestLog(log_path)
    assert frame(log, all=True)["status"].tolist() == ["started"]  # its process lives
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    rows = frame(RequestLog(log_path), all=True)
    assert rows["status"].tolist() == ["lost"]
    assert rows["prompt"].tolist() == ["Hi"]


def test_only_the_same_host_calls_a_row_lost(log_path: Path, start: Start) -> None:
    process = start(
        "log._owner = log._access._owner = __import__('dataclasses').replace(log._owner, process="
        "__import__('dataclasses').replace(log._owner.process, host='elsewhere'))\n"
        "log.start(request('Hi'), datetime.now(UTC)); import os; os._exit(0)"
    )
    process.communicate(timeout=30)
    assert frame(RequestLog(log_path), all=True)["status"].tolist() == ["started"]


def test_a_process_is_gone_after_a_boot_and_when_its_id_was_given_away() -> None:
    here = ProcessIdentity.current()
    assert not here.is_gone(here)
    assert ProcessIdentity(here.host, "an earlier boot", here.pid, here.started).is_gone(here)
    assert ProcessIdentity(here.host, here.boot, here.pid, "earlier").is_gone(here)
    assert not ProcessIdentity("elsewhere", "another boot", 1, "").is_gone(here)


@pytest.mark.parametrize("count", [2, 4])
def test_processes_times_1000_rows_are_all_there(log_path: Path, start: Start, count: int) -> None:
    code = "for each in range(1000): logged(log, request(f'{each}'))"
    processes = [start(code, f"kernel {each}") for each in range(count)]
    ends = [process.communicate(timeout=300) and process.returncode for process in processes]
    assert ends == [0] * count
    rows = frame(RequestLog(log_path), all=True)
    assert len(rows) == 1000 * count
    assert rows["id"].is_unique
    assert (rows["status"] == "ok").all()
    assert rows.groupby("kernel")["prompt"].nunique().tolist() == [1000] * count
    assert rows["messages"].iloc[-1][0]["content"] == rows["prompt"].iloc[-1]
    assert not list(log_path.parent.glob("*.spool.jsonl"))


def test_twenty_processes_may_open_a_new_log_at_once(log_path: Path, start: Start) -> None:
    processes = [start("input(); logged(log, request('Hi'))", f"{each}") for each in range(20)]
    for process in processes:  # all are past their imports, or wait in input() soon
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert {process.communicate(timeout=120) and process.returncode for process in processes} == {0}
    assert len(frame(RequestLog(log_path), all=True)) == 20
    assert sorted(path.name for path in log_path.parent.iterdir() if "spool" in path.name) == []


def test_directory_and_files_are_private_under_any_umask(log_path: Path) -> None:
    before = os.umask(0)
    try:
        log = RequestLog(log_path)
        logged(log, request("Hi"))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in log_path.parent.iterdir()}
    finally:
        os.umask(before)
    assert stat.S_IMODE(log_path.parent.stat().st_mode) == 0o700
    assert modes == {"log.sqlite": 0o600, "log.sqlite-wal": 0o600, "log.sqlite-shm": 0o600}


def test_a_frame_of_every_kernel_follows_rows_that_others_finish(
    log_path: Path, start: Start
) -> None:
    log = RequestLog(log_path, kernel="mine")
    mine = log.start(request("mine"), datetime.now(UTC))
    assert frame(log, all=True)["status"].tolist() == ["started"]
    start("logged(log, request('theirs'))").communicate(timeout=30)
    rows = frame(log, all=True).set_index("prompt")
    assert rows["status"].to_dict() == {"mine": "started", "theirs": "ok"}
    assert frame(log)["id"].tolist() == [mine]


# SQLite's own locking by files beside the database: like a network file system it has no shared
# memory, and so no write-ahead log.
WITHOUT_SHARED_MEMORY = """
import sqlite3
connect = sqlite3.connect
sqlite3.connect = lambda path, **options: connect(
    path if str(path).startswith("file:") else f"file:{path}?vfs=unix-dotfile", uri=True, **options)
"""


def test_two_processes_write_one_log_where_no_write_ahead_log_works(
    log_path: Path, start: Start
) -> None:
    code = f"""{WITHOUT_SHARED_MEMORY}
for each in range(100): logged(log, request(f"{{each}}"))
print(log.take_notices(), log.read(lambda log: log.execute("PRAGMA journal_mode").fetchone()))
"""
    processes = [start(code, f"kernel {each}") for each in range(2)]
    said = [process.communicate(timeout=120)[0] for process in processes]
    assert all("('delete',)" in each for each in said), said
    assert any("has no write-ahead log; the log works, but slower" in each for each in said)
    rows = frame(RequestLog(log_path), all=True)
    assert rows.groupby("kernel")["prompt"].nunique().tolist() == [100, 100]
    assert len(rows) == 200
    assert [path.name for path in log_path.parent.glob(".wal-probe*")] == []
