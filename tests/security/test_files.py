"""Files that chatnb writes are for their user alone, whatever the umask; and what it never does."""

from __future__ import annotations

import ast
import re
import stat
from pathlib import Path

import pytest

from chatnb.connections import connection_to
from tests.loopback import LoopbackServer
from tests.misbehavior import TEXT
from tests.project.house import PACKAGE, rooms
from tests.real_kernel import RealKernel

WORK = """
import pathlib
import chatnb
from chatnb.local import server_state
from chatnb.playground.presets import Presets
from chatnb.request_log.log_export import export
for name in ("log.csv", "log.jsonl", "log.parquet"):
    export(pathlib.Path(name))
Presets().save("mine", {"temperature": 1})
server_state.runtime_directory()
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory in which nothing is yet."""
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    for name, path in {
        "XDG_STATE_HOME": ".local/state",
        "XDG_CONFIG_HOME": ".config",
        "XDG_RUNTIME_DIR": ".run/user",
    }.items():
        monkeypatch.setenv(name, str(home / path))
    monkeypatch.delenv("CHATNB_LOG")
    return home


@pytest.mark.kernel
def test_everything_written_under_umask_000_is_private(home: Path, server: LoopbackServer) -> None:
    notebooks = home / "notebooks"
    notebooks.mkdir(mode=0o700)
    kernel = RealKernel(notebooks)
    try:
        ran = kernel.run(
            "import os\nos.umask(0)\n%load_ext chatnb\n"
            f"%chat_connect {server.base_url} -m echo\n%chat hello\n{WORK}"
        )
        assert ran.status == "ok", ran.error
    finally:
        kernel.close()
    modes = {
        str(path.relative_to(home)): stat.S_IMODE(path.stat().st_mode) for path in home.rglob("*")
    }
    assert {
        ".local/state/chatnb/log.sqlite", ".local/state/chatnb/log.sqlite-wal", "notebooks/log.csv",
        "notebooks/log.jsonl", "notebooks/log.parquet", ".config/chatnb/presets.json",
        ".run/user/chatnb",
    } <= set(modes)  # fmt: skip
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}


def test_a_spool_is_private_under_umask_000(
    tmp_path: Path, log_path: Path, server: LoopbackServer
) -> None:
    log_path.mkdir(parents=True)  # a directory where the log should be
    kernel = RealKernel(tmp_path)
    try:
        kernel.run(
            "import os\nos.umask(0)\n%load_ext chatnb\n"
            f"%chat_connect {server.base_url} -m echo\n%chat hello"
        )
        (spool,) = log_path.parent.glob("*.spool.jsonl")
        assert stat.S_IMODE(spool.stat().st_mode) == 0o600
    finally:
        kernel.close()


@pytest.mark.kernel
def test_with_a_log_in_memory_nothing_is_on_disk(
    home: Path, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATNB_LOG", ":memory:")
    kernel = RealKernel(home)
    try:
        ran = kernel.run(
            f"%load_ext chatnb\nimport chatnb\n%chat_connect {server.base_url} -m crlf\n"
            "%chat hello\nprint(len(chatnb.log(all=True)), chatnb.log()['reply'][0])"
        )
        assert ran.stdout.endswith(f"1 {TEXT}\n")
        # What SQLite would spill goes to files that have no name any more.
        open_files = Path(f"/proc/{kernel.manager.provisioner.pid}/fd")
        opened = {str(fd.readlink()) for fd in open_files.iterdir()}
    finally:
        kernel.close()
    assert not [name for name in opened if "chatnb/" in name or "etilqs" in name]
    assert list(home.rglob("*")) == []


def test_no_env_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-canary0canary0canary0\n")
    monkeypatch.chdir(tmp_path)
    assert connection_to().embedded


# Ruff's rules S102, S307, S602 to S607 say it too; a noqa would silence them.
CALLS = {"eval", "exec", "compile", "__import__"}
MODULES = {"pickle", "marshal", "shelve", "dill", "yaml", "dotenv"}


def test_no_code_is_made_of_data() -> None:
    """JSON only: no pickle, no eval, no shell."""
    for room, path in rooms().items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                assert getattr(node.func, "id", "") not in CALLS, (room, node.lineno)
                assert "shell" not in [each.arg for each in node.keywords], (room, node.lineno)
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                named = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
                roots = {name.partition(".")[0] for name in named}
                assert not roots & MODULES, (room, node.lineno)


def test_the_front_end_makes_markup_in_one_place_and_code_nowhere() -> None:
    source = "".join(path.read_text("utf-8") for path in PACKAGE.rglob("*.js"))
    makers = (
        r"innerHTML|outerHTML|insertAdjacentHTML|srcdoc|document\.write|DOMParser|createContextual"
    )
    assert len(re.findall(rf"\.(?:{makers})\b", source)) == 1
    assert not re.search(r"\beval\(|new Function\(|\bimport\(|setTimeout\(\s*[\"']", source)
