"""The process that serves the model: `python serve.py`, its settings as JSON on stdin.

It stands alone (standard library and xllamacpp): it is run as a file, so that neither the user's
directory nor the way chatnb was found matters, and the kernel never loads the engine, which would
die with the kernel where the processor lacks AVX2.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

# Changes with the settings below: a server that another chatnb started differently is not shared.
SETTINGS = 2
PARALLEL = 4
CONTEXT = 8192
# By trying 48 answers: at 1.0 this model is incoherent, at 0.7 every other answer still is.
DEFAULT_TEMPERATURE = 0.3
# A small model can repeat itself until the context is full, which takes minutes.
DEFAULT_MAX_TOKENS = 512

NO_ENGINE = 3
NO_MODEL = 4

# An HTTP header cannot hold this, so the library leaves Access-Control-Allow-Origin out. Any other
# value is sent: 'null' would let in every sandboxed page.
_NO_ORIGIN = "\x7f"
_LONGEST_AWAKE = 300
_LONGEST_PAUSE = 5.0


def main() -> int:
    """Serve until nobody has asked for long."""
    settings = json.load(sys.stdin)
    try:
        from xllamacpp import Server
    except ImportError as error:
        print(f"xllamacpp cannot be imported: {error}", file=sys.stderr)
        return NO_ENGINE
    try:
        server = Server(engine_parameters(settings))
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return NO_MODEL
    state = Path(settings["state_file"])
    running = {**settings["state"], "url": server.listening_address, "pid": os.getpid()}
    write_private(state, json.dumps(running))
    Caretaker(state, running, settings["idle_s"]).wait()
    return 0


def engine_parameters(settings: dict[str, Any]) -> Any:
    """What llama.cpp's server is started with."""
    from xllamacpp import CommonParams

    engine = CommonParams()
    engine.model.path = settings["state"]["path"]
    engine.model_alias = {settings["state"]["model"]}
    engine.hostnames, engine.port = ["127.0.0.1"], 0
    engine.api_keys = [settings["state"]["token"]]
    engine.cors_origins, engine.cors_credentials = _NO_ORIGIN, False
    engine.ui = False
    # One context for all slots: without kv_unified each would have a quarter of it.
    engine.n_parallel, engine.n_ctx, engine.kv_unified = PARALLEL, CONTEXT, True
    engine.cache_ram_mib = 256
    engine.verbosity = 2
    engine.cpuparams.n_threads = engine.cpuparams_batch.n_threads = threads()
    engine.sleep_idle_seconds = awake_for(settings["idle_s"])
    engine.n_predict = DEFAULT_MAX_TOKENS
    _sample_neutrally(engine.sampling)
    return engine


def _sample_neutrally(sampling: Any) -> None:
    """The API's own defaults: llama.cpp's leave one candidate where temperature 2 has thousands."""
    sampling.temp = DEFAULT_TEMPERATURE
    sampling.top_k, sampling.top_p, sampling.min_p = 0, 1.0, 0.0
    sampling.samplers = "penalties;temperature;top_p"
    sampling.penalty_last_n = CONTEXT


def threads() -> int:
    """One processor is left for the kernel and the browser."""
    allowed = getattr(os, "sched_getaffinity", None)
    processors = len(allowed(0)) if allowed else os.cpu_count() or 1
    return max(1, min(4, processors - 1))


def awake_for(idle_s: float) -> int:
    """After how many seconds the model leaves the memory; the process ends after `idle_s`."""
    return max(1, min(_LONGEST_AWAKE, int(idle_s / 2)))


def write_private(file: Path, text: str) -> None:
    """Replace the file in one step; readable by its owner alone from its first byte on."""
    part = file.with_name(f"{file.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        part.unlink()
    with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as opened:
        opened.write(text)
    part.replace(file)


class Caretaker:
    """Waits until the server may end: nobody asked for long, or nobody can find it any more."""

    def __init__(self, state: Path, running: dict[str, Any], idle_s: float) -> None:
        self._state = state
        self._address = running["url"].removeprefix("http://")
        self._token = running["token"]
        awake = awake_for(idle_s)
        self._longest_sleep = max(0.0, idle_s - awake)
        self._pause = min(_LONGEST_PAUSE, awake / 2)

    def wait(self) -> None:
        """The engine falls asleep by its own clock, which only real requests reset."""
        asleep_since = None
        while True:
            time.sleep(self._pause)
            if not self._can_be_found() and not self._is_busy():
                return
            if not self._is_asleep():
                asleep_since = None
                continue
            asleep_since = asleep_since or time.monotonic()
            if time.monotonic() - asleep_since >= self._longest_sleep:
                self._state.unlink(missing_ok=True)
                return

    def _can_be_found(self) -> bool:
        try:
            return bool(json.loads(self._state.read_text())["pid"] == os.getpid())
        except (OSError, ValueError):
            return False

    def _is_asleep(self) -> bool:
        # Neither /props nor /v1/models wakes the model; /slots would.
        properties = self._get("/props")
        return bool(properties and properties.get("is_sleeping"))

    def _is_busy(self) -> bool:
        if self._is_asleep():
            return False
        return any(slot.get("is_processing") for slot in self._get("/slots") or ())

    def _get(self, path: str) -> Any:
        connection = http.client.HTTPConnection(self._address, timeout=30)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self._token}"})
            return json.loads(connection.getresponse().read())
        except (OSError, ValueError, http.client.HTTPException):
            return None
        finally:
            connection.close()


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    # The engine's own threads need no farewell, and could block it.
    os._exit(code)
