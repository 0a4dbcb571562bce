"""Presets are the user's work: checked when they are read, and never lost."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from chatnb.errors import InvalidInput
from chatnb.parameters import Parameters
from chatnb.playground.controls import conflicts
from chatnb.playground.presets import SHIPPED, Preset, Presets, changes, default_path

SAVES_20 = """
import sys
from pathlib import Path
from chatnb.playground.presets import Presets
presets = Presets(Path(sys.argv[1]))
sys.stdin.readline()
for number in range(20):
    presets.save(f"{sys.argv[2]} {number}", {"seed": number})
"""
SAVES_TOO_MUCH = """
import resource, sys
from pathlib import Path
from chatnb.errors import InvalidInput
from chatnb.playground.presets import Presets
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    Presets(Path(sys.argv[1])).save("mine", {"stop": "x" * 1000})
except InvalidInput as error:
    print(error.line)
"""


@pytest.fixture
def presets(tmp_path: Path) -> Presets:
    return Presets(tmp_path / "config" / "presets.json")


def own(presets: Presets) -> dict[str, object]:
    return {preset.name: preset.values for preset in presets.all() if not preset.shipped}


def test_three_presets_are_shipped_and_nothing_is_written_to_read_them(presets):
    assert [preset.name for preset in presets.all()] == ["precise", "default", "wild"]
    assert presets.take_notices() == ()
    assert not presets.path.parent.exists()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_preset_is_valid_and_has_no_conflict(name):
    assert Parameters(**SHIPPED[name]).values() == SHIPPED[name]
    assert conflicts(SHIPPED[name]) == []


def test_default_sets_nothing(presets):
    assert set(changes(presets.named("default")).values()) == {None}


def test_a_saved_preset_is_there_for_the_next_process(presets):
    values = {"temperature": 0, "stop": ["\n"], "seed": 2**63 - 1, "top_p": 1.0}
    presets.save("  My\town ", values)
    found = Presets(presets.path).named("My own")
    assert found == Preset("My own", values)
    assert type(found.values["temperature"]) is int
    assert type(found.values["top_p"]) is float


def test_a_preset_replaces_all_values_but_who_answers(presets):
    presets.save("low", {"temperature": 0.1, "model": "gpt-6-luna"})
    assert own(presets) == {"low": {"temperature": 0.1}}
    parameters = Parameters(model="gpt-6-sol", top_p=0.5)
    for name, value in changes(presets.named("low")).items():
        setattr(parameters, name, value)
    assert parameters.values() == {"model": "gpt-6-sol", "temperature": 0.1}


def test_saving_under_the_same_name_replaces(presets):
    presets.save("mine", {"temperature": 0.1})
    presets.save("mine", {"seed": 1})
    assert own(presets) == {"mine": {"seed": 1}}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_preset_is_neither_deleted_nor_replaced(presets, name):
    with pytest.raises(InvalidInput, match="comes with chatnb"):
        presets.delete(name)
    with pytest.raises(InvalidInput, match="another name"):
        presets.save(name, {"temperature": 1})
    assert presets.named(name).values == SHIPPED[name]


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\x00b", "\u202eabc"])
def test_a_name_that_cannot_be_read_is_refused(presets, name):
    with pytest.raises(InvalidInput, match="1 to 60"):
        presets.save(name, {})


def test_values_are_checked_before_anything_is_written(presets):
    with pytest.raises(InvalidInput, match="temperature"):
        presets.save("hot", {"temperature": 9})
    assert own(presets) == {}


def test_a_deleted_preset_is_gone_and_the_others_stay(presets):
    presets.save("one", {"seed": 1})
    presets.save("two", {"seed": 2})
    presets.delete("one")
    assert own(presets) == {"two": {"seed": 2}}
    with pytest.raises(InvalidInput, match="no preset 'one'"):
        presets.delete("one")


def test_a_mistyped_name_is_told_its_nearest_neighbor(presets):
    with pytest.raises(InvalidInput, match="Did you mean precise"):
        presets.named("precice")


def test_the_list_says_which_preset_holds_now(presets):
    presets.save("mine", {"temperature": 0.2, "seed": 1})
    listed = presets.listed({"temperature": 0.2, "seed": 1, "model": "gpt-6-luna"})
    assert [each["name"] for each in listed if each["current"]] == ["mine"]
    assert listed[-1]["words"] == "temperature 0.2, seed 1"
    assert json.loads(json.dumps(listed)) == listed


# The file


def written(presets: Presets, text: str | bytes) -> None:
    presets.path.parent.mkdir()
    presets.path.write_bytes(text if isinstance(text, bytes) else text.encode())


def test_what_a_newer_version_knows_is_one_line_and_the_rest_applies(presets):
    newer = {"temperature": 0.3, "wibble": 1, "top_p": 7}
    written(presets, json.dumps({"new": newer, "odd": 5}))
    found = presets.named("new")
    assert found.values == {"temperature": 0.3}
    assert "wibble (unknown" in found.told
    assert "top_p (not a number from 0 to 1)" in found.told
    assert "odd" in presets.named("odd").told


def test_what_this_version_does_not_know_is_still_in_the_file_after_a_save(presets):
    newer = {"temperature": 0.3, "wibble": 1}
    written(presets, json.dumps({"new": newer, "odd": 5}))
    presets.save("mine", {"seed": 1})
    presets.delete("mine")
    assert json.loads(presets.path.read_text()) == {"new": newer, "odd": 5}


@pytest.mark.parametrize("text", ["{", "", "[]", b"\xff\xfe", "[" * 100_000, "1" * 5_000])
def test_a_broken_file_gets_one_line_and_is_kept_aside(presets, text):
    written(presets, text)
    content = presets.path.read_bytes()
    assert len(presets.all()) == len(SHIPPED)
    assert len(presets.all()) == len(SHIPPED)
    (line,) = presets.take_notices()
    (aside,) = presets.path.parent.glob("presets.broken-*.json")
    assert str(aside) in line
    assert "\n" not in line
    assert aside.read_bytes() == content


def test_a_save_upon_a_broken_file_loses_neither(presets):
    written(presets, '{"cut off')
    presets.save("mine", {"seed": 1})
    assert own(presets) == {"mine": {"seed": 1}}
    (aside,) = presets.path.parent.glob("presets.broken-*.json")
    assert aside.read_text() == '{"cut off'


def test_an_editors_byte_order_mark_breaks_nothing(presets):
    written(presets, b"\xef\xbb\xbf" + b'{"mine": {"seed": 1}}')
    assert own(presets) == {"mine": {"seed": 1}}


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_nobody_else_can_read_the_presets(presets):
    old = os.umask(0)
    try:
        presets.save("mine", {"extra": {"user_token": "x"}})
    finally:
        os.umask(old)
    assert stat.S_IMODE(presets.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(presets.path.parent.stat().st_mode) == 0o700


@pytest.mark.skipif(os.name != "posix", reason="links need no rights there")
def test_a_link_to_the_file_stays_a_link(presets, tmp_path):
    kept = tmp_path / "dotfiles.json"
    kept.write_text("{}")
    presets.path.parent.mkdir()
    presets.path.symlink_to(kept)
    presets.save("mine", {"seed": 1})
    assert presets.path.is_symlink()
    assert json.loads(kept.read_text()) == {"mine": {"seed": 1}}


def test_a_place_that_cannot_be_written_is_one_line_and_the_shipped_ones_stay(tmp_path):
    (tmp_path / "file").write_text("no directory")
    presets = Presets(tmp_path / "file" / "presets.json")
    with pytest.raises(InvalidInput, match="cannot be kept") as caught:
        presets.save("mine", {"seed": 1})
    assert "\n" not in caught.value.line
    assert len(presets.all()) == len(SHIPPED)


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on a file's size there")
def test_a_write_that_fails_leaves_the_old_file_and_no_other(presets):
    written(presets, json.dumps({"old": {"seed": 1}}))
    saver = subprocess.run(
        [sys.executable, "-c", SAVES_TOO_MUCH, str(presets.path)],
        check=True,
        text=True,
        stdout=subprocess.PIPE,
    )
    assert "cannot be kept" in saver.stdout
    left = {path.name for path in presets.path.parent.iterdir()} - {"presets.json.lock"}
    assert left == {"presets.json"}
    assert own(presets) == {"old": {"seed": 1}}


def test_two_processes_that_save_at_once_lose_nothing(presets):
    command = [sys.executable, "-c", SAVES_20, str(presets.path)]
    savers = [subprocess.Popen([*command, name], stdin=subprocess.PIPE, text=True) for name in "ab"]
    for saver in savers:  # both have imported what they need and begin together
        assert saver.stdin is not None
        saver.stdin.write("\n")
        saver.stdin.flush()
    assert [saver.wait(60) for saver in savers] == [0, 0]
    expected = {f"{name} {number}": {"seed": number} for name in "ab" for number in range(20)}
    assert own(presets) == expected
    assert {path.name for path in presets.path.parent.iterdir()} <= {
        "presets.json", "presets.json.lock",
    }  # fmt: skip


def test_the_file_is_in_the_users_configuration():
    assert default_path().name == "presets.json"
    assert Path(os.environ["XDG_CONFIG_HOME"]) in default_path().parents or sys.platform != "linux"
