"""One model server for all of a user's kernels: start it, find it again, end it."""

from __future__ import annotations

import contextlib
import math
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from chatnb.errors import RequestFailed
from chatnb.local import serve
from chatnb.local.locks import alone, raise_if
from chatnb.local.model_file import ModelFile, never
from chatnb.local.server_state import (
    Place,
    RunningServer,
    alive_at,
    place_of,
    read_state,
    runtime_directory,
)

IDLE = "CHATNB_IDLE"
_IDLE_S = 1800.0
_START_S = 120.0
_STOPPED = "Stopped while the model server was starting."
_ILLEGAL_INSTRUCTION = (-4, 132, 0xC000001D)


def ensure(model: ModelFile, *, stopped: Callable[[], bool] = never) -> RunningServer:
    """The server of this model: the one that runs, else a new one.

    >>> ensure(fetch()).base_url                                  # doctest: +SKIP
    'http://127.0.0.1:35735/v1'

    It outlives the kernel and ends when nobody has asked for half an hour (CHATNB_IDLE, in
    seconds). Raises RequestFailed with one line that names its log file; Interrupted once
    `stopped()`.
    """
    place = place_of(model.path, _engine_version())
    running = alive_at(place.state)
    if running is not None:
        return running
    # One kernel starts the server; the others wait for it.
    with alone(place.lock, stopped, _STOPPED):
        # Another kernel may have started it while we waited.
        return alive_at(place.state) or _start(model, place, stopped)


def status() -> tuple[RunningServer, ...]:
    """The servers of this user that answer: none, one, or one for each model file in use."""
    states = sorted(runtime_directory().glob("server-*.json"))
    return tuple(running for state in states if (running := alive_at(state)))


def stop() -> tuple[RunningServer, ...]:
    """End this user's servers; those that ran."""
    stopped = []
    for state in sorted(runtime_directory().glob("server-*.json")):
        # Only a process that knows its token is ours: the id alone may be another's by now.
        running = alive_at(state)
        if running is not None:
            _end(running)
            stopped.append(running)
        state.unlink(missing_ok=True)
    return tuple(stopped)


def _end(running: RunningServer) -> None:
    for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(running.pid, number)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            if not running.listens():
                return
            time.sleep(0.02)


def _start(model: ModelFile, place: Place, stopped: Callable[[], bool]) -> RunningServer:
    place.state.unlink(missing_ok=True)
    process = _spawn(model, place)
    try:
        return _wait_for(process, model, place, stopped)
    except BaseException:
        process.kill()
        process.wait()
        raise


def _spawn(model: ModelFile, place: Place) -> subprocess.Popen[bytes]:
    with os.fdopen(_private_log(place.log), "wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own file, run by this interpreter
            [sys.executable, "-P", serve.__file__],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=place.directory,
            env=_environment(),
            **_apart(),
        )
    assert process.stdin is not None
    # Through the pipe: everyone can read a process's arguments, and its children inherit the rest.
    with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
        pipe.write(_settings(model, place))
    return process


def _apart() -> dict[str, Any]:
    """Out of reach of the kernel's interrupt, and of the kernel's end."""
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        return {"creationflags": flags}
    return {"start_new_session": True}


def _environment() -> dict[str, str]:
    """No key goes into a process that outlives the kernel; idle threads sleep, not spin."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().endswith(("_KEY", "_TOKEN", "_SECRET", "_PASSWORD"))
    }
    # On a busy machine of two cores, spinning threads fall from 137 tokens a second to 2.
    return kept | {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}


def _private_log(file: Path) -> int:
    # A new file each time: one that is open elsewhere, or has other rights, is not written to.
    file.unlink(missing_ok=True)
    return os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)


def _settings(model: ModelFile, place: Place) -> bytes:
    import json

    state = {
        "token": secrets.token_urlsafe(32),
        "model": model.alias,
        "path": str(model.path),
        "version": _engine_version(),
        "log": str(place.log),
    }
    settings = {"state": state, "state_file": str(place.state), "idle_s": _idle_s()}
    return json.dumps(settings).encode()


def _idle_s() -> float:
    try:
        seconds = float(os.environ.get(IDLE, ""))
    except ValueError:
        return _IDLE_S
    return max(2.0, seconds) if math.isfinite(seconds) else _IDLE_S


def _engine_version() -> str:
    try:
        return f"{version('xllamacpp')}/{serve.SETTINGS}"
    except PackageNotFoundError as error:
        raise RequestFailed(
            'The embedded model needs its engine: pip install "chatnb[local]", or set '
            "OPENAI_API_KEY to use a key.",
            kind="no_engine",
        ) from error


def _wait_for(
    process: subprocess.Popen[bytes], model: ModelFile, place: Place, stopped: Callable[[], bool]
) -> RunningServer:
    """The server, once it has written down that it is ready."""
    end = time.monotonic() + _START_S
    while time.monotonic() < end:
        running = read_state(place.state)
        if running is not None:
            return running
        raise_if(stopped, _STOPPED)
        with contextlib.suppress(subprocess.TimeoutExpired):
            raise _died(process.wait(timeout=0.01), model, place.log)
    raise RequestFailed(
        f"The model server did not start within {_START_S:.0f} s; its log: {place.log}",
        kind="start_failed",
    )


def _died(code: int, model: ModelFile, log: Path) -> RequestFailed:
    if code in _ILLEGAL_INSTRUCTION:
        line = (
            "This machine's processor lacks AVX2, which the embedded model's engine needs: set "
            f"OPENAI_API_KEY, or connect to another server. Its log: {log}"
        )
        return RequestFailed(line, kind="no_avx2")
    said = log.read_text(encoding="utf-8", errors="replace")
    if code == serve.NO_ENGINE:
        line = f'The model\'s engine does not load: pip install "chatnb[local]" again. Log: {log}'
        return RequestFailed(line, kind="no_engine", detail=said)
    if code == serve.NO_MODEL:
        line = f"{model.path} cannot be loaded; is it a whole GGUF file of a chat model? Log: {log}"
        return RequestFailed(line, kind="bad_model", detail=said)
    line = f"The model server died while it was starting (exit code {code}); its log: {log}"
    return RequestFailed(line, kind="start_failed", detail=said)
