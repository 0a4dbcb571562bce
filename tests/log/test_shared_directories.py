"""A log in a directory that others use: whose files SQLite would write into."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatnb.request_log import RequestLog
from chatnb.request_log.log_frame import frame
from tests.log.exchanges import logged, request

ROOT = Path(__file__).parents[2]
SOMEBODY, SELF = 65_533, 65_534
SECRET = "canary of a prompt"
as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be two users"
)
LOG_AS = f"""
import os, sys
from pathlib import Path
from chatnb.request_log.log_frame import frame
from chatnb.request_log import RequestLog
from tests.log.exchanges import logged, request
frame(RequestLog(Path(":memory:")))  # imports, while they can be read
os.setuid(int(sys.argv[2]))
log = RequestLog(Path(sys.argv[1]))
number = logged(log, request({SECRET!r}))
print(number, *frame(log, all=True)["prompt"], *log.take_notices(), sep="\\n")
"""


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory as /tmp: all may write, and nobody can touch the files of others."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o1777)
        yield Path(name)


def log_as(user: int, path: Path) -> str:
    """What the log of a user holds and says once a request was logged."""
    command = [sys.executable, "-c", LOG_AS, str(path), str(user)]
    return subprocess.check_output(command, cwd=ROOT, timeout=60, text=True)


def texts_of_others(directory: Path) -> bytes:
    """What stands in the files that somebody else made, or could replace."""
    files = [each for each in directory.rglob("*") if each.is_file()]
    theirs = [file for file in files if SOMEBODY in (file.stat().st_uid, file.parent.stat().st_uid)]
    return b"".join(file.read_bytes() for file in theirs)


@as_root
@pytest.mark.parametrize("ending", ["-wal", "-shm", "-journal"])
def test_no_row_goes_into_a_file_that_somebody_else_has_planted(shared: Path, ending: str) -> None:
    planted = shared / f"log.sqlite{ending}"
    planted.touch()
    planted.chmod(0o666)
    os.chown(planted, SOMEBODY, SOMEBODY)
    said = log_as(SELF, shared / "log.sqlite")
    assert f"{planted} belongs to somebody else" in said
    assert SECRET in said
    assert SECRET.encode() not in texts_of_others(shared)


@as_root
def test_no_row_goes_into_a_directory_of_somebody_else(shared: Path) -> None:
    theirs = shared / "chatnb"
    theirs.mkdir()
    theirs.chmod(0o777)
    os.chown(theirs, SOMEBODY, SOMEBODY)
    (shared / "link").symlink_to(theirs)
    for directory in (theirs, shared / "link"):
        said = log_as(SELF, directory / "log.sqlite")
        assert f"{directory} belongs to somebody else, who could read it" in said
        assert "in memory only" in said
        assert SECRET in said
    assert list(theirs.iterdir()) == []


@as_root
def test_a_directory_of_the_system_in_which_all_may_write_will_do(shared: Path) -> None:
    assert log_as(SELF, shared / "log.sqlite").startswith(f"1\n{SECRET}\nRequests are logged in")


@as_root
def test_rows_that_somebody_else_left_beside_the_log_are_not_taken_in(shared: Path) -> None:
    log_as(SELF, shared / "log.sqlite")
    assert "rows go in" in log_as(SOMEBODY, shared / "log.sqlite")
    (spool,) = shared.glob("*.spool.jsonl")
    spool.chmod(0o666)
    os.mkfifo(shared / "log.sqlite.k-1-1.spool.jsonl", 0o666)  # who reads it waits for ever
    assert log_as(SELF, shared / "log.sqlite").startswith(f"2\n{SECRET}\n{SECRET}\nRequests")


def test_a_link_to_a_directory_of_ones_own_will_do(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "state").symlink_to(tmp_path / "elsewhere")
    log = RequestLog(tmp_path / "state" / "chatnb" / "log.sqlite")
    assert logged(log, request("Hi")) == 1
    assert frame(log)["status"].tolist() == ["ok"]
    assert (tmp_path / "elsewhere" / "chatnb" / "log.sqlite").exists()
