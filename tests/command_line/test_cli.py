"""`chatnb ...`: one line where it goes wrong, and the exit code says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatnb import cli
from chatnb.log_file import default_path


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        cli.main(["--version"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out.startswith("chatnb 0.")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["local"],
        ["log"],
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


def test_log_path_is_the_one_that_kernels_write_to(
    log_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["log", "path"]) == 0
    assert capsys.readouterr().out == f"{log_path}\n"
    assert default_path() == log_path
    assert not log_path.exists()
