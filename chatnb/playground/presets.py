"""Named sets of parameter values: three that are shipped, and the user's own in a file."""

from __future__ import annotations

import json
import os
import tempfile
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from chatnb.errors import InvalidInput
from chatnb.parameters import Parameters, nearest
from chatnb.private_directories import make_directory

SHIPPED: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        # Low, not 0: a small model at 0 falls into loops, and several choices would be one.
        "precise": {"temperature": 0.2},
        # Nothing is sent: what answers is the server's own choice.
        "default": {},
        # 2 is confetti; at 1.3 sentences hold. The penalties drive it off what it has said.
        "wild": {"temperature": 1.3, "presence_penalty": 0.6, "frequency_penalty": 0.3},
    }
)
_LONGEST_NAME = 60
_WAIT_S = 10.0
_LEFT_ALONE = ("model",)  # who answers is no matter of how


@dataclass(frozen=True, slots=True)
class Preset:
    """A named set of values; `told` is the line about what of it this chatnb cannot take."""

    name: str
    values: Mapping[str, Any]
    shipped: bool = False
    told: str = ""


def changes(preset: Preset) -> dict[str, Any]:
    """What to set so that the preset's values hold and no others: None is unset.

    >>> changes(Preset("low", {"temperature": 0.2}))["temperature"]
    0.2
    >>> "model" in changes(Preset("low", {}))
    False
    """
    names = [name for name in Parameters.table() if name not in _LEFT_ALONE]
    return {name: preset.values.get(name) for name in names}


def default_path() -> Path:
    """Where the user's presets are: a JSON file in the platform's directory for configuration."""
    from platformdirs import user_config_path

    return user_config_path("chatnb", appauthor=False) / "presets.json"


class Presets:
    """The presets, shipped ones first; several processes may share the file.

    >>> [preset.name for preset in Presets(Path("nowhere.json")).all()]
    ['precise', 'default', 'wild']
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or default_path()
        self._notices: list[str] = []

    def all(self) -> list[Preset]:
        """Every preset that can be applied."""
        shipped = [Preset(name, values, shipped=True) for name, values in SHIPPED.items()]
        own = self._read().items()
        return shipped + [_checked(name, values) for name, values in own if name not in SHIPPED]

    def listed(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The presets for the panel; `current` is the one that holds just these values."""
        now = {key: value for key, value in values.items() if key not in _LEFT_ALONE}
        return [
            {
                "name": preset.name,
                "shipped": preset.shipped,
                "current": preset.values == now,
                "words": _words(preset.values),
            }
            for preset in self.all()
        ]

    def named(self, name: str) -> Preset:
        """The preset of that name; InvalidInput with the nearest one where there is none."""
        found = {preset.name: preset for preset in self.all()}
        if name not in found:
            raise InvalidInput(f"There is no preset '{name}'.{nearest(name, found)}", kind="usage")
        return found[name]

    def save(self, name: str, values: Mapping[str, Any]) -> Preset:
        """Keep values under a name, in place of what had that name."""
        name = _checked_name(name)
        checked = Parameters(**values).values()
        kept = {key: value for key, value in checked.items() if key not in _LEFT_ALONE}
        with self._alone() as stored:
            stored[name] = kept
            self._write(stored)
        return Preset(name, kept)

    def delete(self, name: str) -> None:
        """Forget one of the user's presets."""
        if name in SHIPPED:
            raise InvalidInput(f"'{name}' comes with chatnb and stays.", kind="usage")
        with self._alone() as stored:
            if name not in stored:
                line = f"There is no preset '{name}'.{nearest(name, stored)}"
                raise InvalidInput(line, kind="usage")
            del stored[name]
            self._write(stored)

    def take_notices(self) -> tuple[str, ...]:
        """Lines that the user should see once: what happened to the file."""
        notices, self._notices = tuple(self._notices), []
        return notices

    def _read(self) -> dict[str, Any]:
        """What the file holds; a broken one is put aside under the lock that writers take."""
        try:
            return _loaded(self.path)
        except OSError as error:
            self._say(f"The presets in {self.path} cannot be read ({_reason(error)}).")
            return {}
        except ValueError:
            pass
        try:
            with self._alone() as stored:
                return stored
        except InvalidInput as error:
            self._say(error.line)
            return {}

    @contextmanager
    def _alone(self) -> Iterator[dict[str, Any]]:
        """What the file holds, while no other process writes it."""
        from filelock import FileLock, Timeout

        try:
            make_directory(self.path.parent)
            lock = FileLock(self.path.with_name(self.path.name + ".lock"), mode=0o600)
            with lock.acquire(timeout=_WAIT_S):
                yield self._sound()
        except Timeout:
            line = f"Another process has held the presets in {self.path} for {_WAIT_S:g} s."
            raise InvalidInput(line, kind="presets") from None
        except (OSError, NotImplementedError) as error:
            line = f"The presets in {self.path} cannot be kept: {_reason(error)}."
            raise InvalidInput(line, kind="presets") from error

    def _sound(self) -> dict[str, Any]:
        try:
            return _loaded(self.path)
        except ValueError as error:
            aside = _free_name(self.path)
            self.path.rename(aside)
            self._say(f"The presets were broken ({error}): the file is kept as {aside}.")
            return {}

    def _write(self, stored: Mapping[str, Any]) -> None:
        """All of it or nothing; a link to the file, as in kept dotfiles, stays one."""
        target = self.path.resolve()
        text = json.dumps(stored, indent=2) + "\n"
        # mkstemp's file is 0600 whatever the umask: extra may hold what is nobody's business.
        number, name = tempfile.mkstemp(prefix=f".{target.name}-", dir=target.parent)
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(target)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise

    def _say(self, line: str) -> None:
        if line not in self._notices:
            self._notices.append(line)


def _loaded(path: Path) -> dict[str, Any]:
    """The file as it is; ValueError where it is none of ours."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(stored, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - what the text holds, not its type
    return stored


def _free_name(path: Path) -> Path:
    moment = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
    names = (path.with_name(f"{path.stem}.broken-{moment}-{n}{path.suffix}") for n in range(1, 999))
    return next(name for name in names if not name.exists())


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        line = f"A preset has a name of 1 to {_LONGEST_NAME} characters."
        raise InvalidInput(line, kind="usage")
    if name in SHIPPED:
        line = f"'{name}' comes with chatnb and stays as it is: choose another name."
        raise InvalidInput(line, kind="usage")
    return name


def _checked(name: str, values: Any) -> Preset:
    """The preset with what this chatnb can take of it."""
    if not isinstance(values, Mapping):
        return Preset(name, {}, told=f"Preset '{name}' holds no values.")
    table, kept, left = Parameters.table(), {}, []
    for key, value in values.items():
        try:
            kept[key] = table[key].validate(None, value)
        except KeyError:
            left.append(f"{key} (unknown to this chatnb)")
        except InvalidInput:
            left.append(f"{key} (not {table[key].range})")
    told = f"Preset '{name}' without {', '.join(left)}." if left else ""
    return Preset(name, kept, told=told)


def _words(values: Mapping[str, Any]) -> str:
    """What a preset sets: "temperature 0.2", at most a line of it."""
    pairs = (f"{name} {value}" for name, value in values.items())
    return textwrap.shorten(", ".join(pairs), 120, placeholder=" …") or "nothing set"


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error)
