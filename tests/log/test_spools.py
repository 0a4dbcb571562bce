"""Rows that could not be written wait in a spool beside the log, and nothing of it stays."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chatnb.records import Exchange
from chatnb.request_log import RequestLog, spool
from chatnb.request_log.log_frame import frame
from chatnb.request_log.log_record import Record
from tests.log.exchanges import logged, reply, request

ROOT = Path(__file__).parents[2]


def spools(log: RequestLog) -> list[Path]:
    return sorted(log.path.parent.glob("*.spool.jsonl"))


def test_rows_go_to_a_spool_and_return_when_the_log_is_back(log_path: Path) -> None:
    log_path.mkdir(parents=True)  # a directory where the file should be
    log = RequestLog(log_path)
    done = logged(log, request("one"))
    flying = log.start(request("one", "Hello!", "two"), datetime.now(UTC))
    (spool,) = spools(log)
    assert spool.stat().st_mode & 0o777 == 0o600
    assert len(spool.read_text().splitlines()) == 3
    assert str(spool) in log.take_notices()[0]
    log_path.rmdir()
    asked = request("one", "Hello!", "two")
    log.finish(Exchange(asked, datetime.now(UTC), flying, "ok", reply("back")))
    logged(log, request("three"))
    rows = frame(log)
    assert rows["prompt"].tolist() == ["one", "two", "three"]
    assert rows["status"].tolist() == ["ok"] * 3
    assert rows["id"].tolist() == [1, 2, 3]
    assert rows["reply"][1] == "back"
    assert len(rows["messages"][1]) == 3
    assert spools(log) == []
    assert done < 0


def test_the_next_kernel_replays_what_a_dead_one_left(log_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from datetime import UTC, datetime\n"
        "from chatnb.request_log import RequestLog\n"
        "from tests.log.exchanges import logged, request\n"
        "path = Path(sys.argv[1]); path.mkdir(parents=True)\n"
        "log = RequestLog(path, kernel='dead')\n"
        "logged(log, request('one')); log.start(request('two'), datetime.now(UTC))\n"
        "os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, log_path], cwd=ROOT, timeout=60, check=False)
    log_path.rmdir()
    log = RequestLog(log_path)
    assert len(spools(log)) == 1
    logged(log, request("three"))
    rows = frame(log, all=True).set_index("prompt")
    assert rows["status"].to_dict() == {"one": "ok", "two": "lost", "three": "ok"}
    assert rows.loc["one", "kernel"] == "dead"
    assert spools(log) == []


DEAD = """
import os, sys
from pathlib import Path
from chatnb.request_log import RequestLog
from tests.log.exchanges import logged, request
path = Path(sys.argv[1]); path.mkdir(parents=True)
logged(RequestLog(path, kernel="dead"), request("dead"))
path.rmdir()
os._exit(9)
"""


@pytest.fixture
def dead_spool(log_path: Path) -> Path:
    """The spool of a process that died; nobody has opened the log since."""
    subprocess.run([sys.executable, "-c", DEAD, log_path], cwd=ROOT, timeout=60, check=False)
    (spool,) = spools(RequestLog(log_path))
    return spool


@pytest.mark.parametrize("after_reading", [False, True])
def test_a_spool_that_another_kernel_replays_first_is_written_once(
    log_path: Path, dead_spool: Path, monkeypatch: pytest.MonkeyPatch, *, after_reading: bool
) -> None:
    read = spool.read

    def read_too_late(path: Path) -> list[Record]:
        monkeypatch.undo()
        records = read(path) if after_reading else []
        logged(RequestLog(log_path), request("faster"))
        assert not dead_spool.exists()
        return records or read(path)

    monkeypatch.setattr(spool, "read", read_too_late)
    log = RequestLog(log_path)
    logged(log, request("slower"))
    assert sorted(frame(log, all=True)["prompt"]) == ["dead", "faster", "slower"]
    assert log.take_notices() == (f"Requests are logged in {log_path}.",)  # it failed nowhere


def test_each_spool_is_read_once(
    log_path: Path, dead_spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, paths = spool.read, []

    def noted(path: Path) -> list[Record]:
        paths.append(path)
        return read(path)

    monkeypatch.setattr(spool, "read", noted)
    logged(RequestLog(log_path), request("Hi"))
    assert paths == [dead_spool]


@pytest.mark.parametrize("whole", [0, 0.5], ids=["empty", "cut"])
def test_a_spool_without_a_whole_line_goes_once_it_is_old(
    log_path: Path, dead_spool: Path, whole: float
) -> None:
    content = dead_spool.read_bytes().splitlines()[0]
    dead_spool.write_bytes(content[: int(len(content) * whole)])
    logged(RequestLog(log_path), request("soon"))
    assert dead_spool.exists()  # another process may be about to write into it
    yesterday = time.time() - 86_400
    os.utime(dead_spool, (yesterday, yesterday))
    logged(RequestLog(log_path), request("later"))
    assert not dead_spool.exists()


def test_a_spool_that_was_removed_while_empty_counts_when_it_comes_again(
    log_path: Path, dead_spool: Path
) -> None:
    content = dead_spool.read_bytes()
    dead_spool.write_bytes(b"")
    os.utime(dead_spool, (0, 0))
    logged(RequestLog(log_path), request("soon"))
    assert not dead_spool.exists()
    dead_spool.write_bytes(content)
    log = RequestLog(log_path)
    logged(log, request("later"))
    assert frame(log, all=True)["prompt"].tolist() == ["soon", "dead", "later"]


CUT = """
import resource, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from chatnb.request_log import RequestLog, spool
from tests.log.exchanges import logged, request
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path(sys.argv[1]); path.mkdir(parents=True)
log = RequestLog(path)
logged(log, request("before"))
(found,) = path.parent.glob("*.spool.jsonl")
resource.setrlimit(resource.RLIMIT_FSIZE, (found.stat().st_size + 99, resource.RLIM_INFINITY))
logged(log, request("cut " * 99))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
log.start(request("after"), datetime.now(UTC))
print(*(record.row.prompt[:6] for record in spool.read(found)))
"""


def test_a_line_that_was_cut_takes_no_other_with_it(log_path: Path) -> None:
    command = [sys.executable, "-c", CUT, log_path]
    told = subprocess.check_output(command, cwd=ROOT, timeout=60, text=True)
    assert told == "before after\n"
