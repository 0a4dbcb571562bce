"""Where a running model server is written down, and whether it still answers."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import socket
import stat
import tempfile
import warnings
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from chatnb.errors import RequestFailed
from chatnb.private_directories import make_directory
from chatnb.request_log.process_identity import lives

_ANSWER_S = 10.0


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that answers; the token is in no repr."""

    url: str
    token: str = field(repr=False)
    pid: int
    model: str
    path: str
    version: str
    log: str

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def request(
        self, method: str, path: str, body: dict[str, Any] | None = None, timeout: float = _ANSWER_S
    ) -> tuple[int, Any]:
        """The status and the JSON of one request; OSError or ValueError where there is none."""
        # No proxy of the environment is asked: http.client knows none.
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()

    def answers(self) -> bool:
        """Whether it is there and knows its token."""
        try:
            return lives(self.pid) and self.request("GET", "/v1/models")[0] == 200
        except (OSError, ValueError):
            return False

    def listens(self) -> bool:
        """Whether it is there: a tenth of a millisecond, before each request.

        Once its process has ended, anybody may listen on its port: other users of this machine
        could read prompts that way.
        """
        if not lives(self.pid):
            return False
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Place:
    """The files of one server: its state, the lock on starting it, and its log."""

    directory: Path
    key: str

    @property
    def state(self) -> Path:
        return self.directory / f"server-{self.key}.json"

    @property
    def lock(self) -> Path:
        return self.directory / f"server-{self.key}.lock"

    @property
    def log(self) -> Path:
        return self.directory / f"server-{self.key}.log"


def place_of(model: Path, version: str) -> Place:
    """One server for each model file, engine and settings: two chatnb never fight over one."""
    file = model.resolve()
    found = file.stat()
    identity = json.dumps([str(file), found.st_size, found.st_mtime_ns, version])
    return Place(runtime_directory(), hashlib.sha256(identity.encode()).hexdigest()[:16])


def read_state(file: Path) -> RunningServer | None:
    """The server that the file tells of, alive or not; None where it tells of none."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        return RunningServer(**{item.name: told[item.name] for item in fields(RunningServer)})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def alive_at(file: Path) -> RunningServer | None:
    running = read_state(file)
    return running if running is not None and running.answers() else None


def runtime_directory() -> Path:
    """A directory of this user on this host, that nobody else can read."""
    tried = []
    for candidate in _candidates():
        try:
            return _private(candidate)
        except OSError as error:
            tried.append(f"{candidate} ({error.strerror or error})")
    raise RequestFailed(
        "There is no private directory for the model server: " + ", ".join(tried) + ". Set "
        "XDG_RUNTIME_DIR to a directory that only you can read.",
        kind="start_failed",
    )


def _candidates() -> list[Path]:
    from platformdirs import user_runtime_path

    user = os.getuid() if hasattr(os, "getuid") else "user"
    own = Path(tempfile.gettempdir()) / f"chatnb-{user}"
    try:
        with warnings.catch_warnings():
            # It warns where XDG_RUNTIME_DIR is not set, which is so in every container.
            warnings.simplefilter("ignore")
            return [user_runtime_path("chatnb", appauthor=False), own]
    except OSError:
        return [own]


def _private(directory: Path) -> Path:
    """The directory, made and closed to others; OSError where it is or could be somebody else's."""
    make_directory(directory)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError("not a directory")
    if hasattr(os, "getuid"):
        if found.st_uid != os.getuid():
            raise PermissionError("it belongs to somebody else")
        if stat.S_IMODE(found.st_mode) != 0o700:
            directory.chmod(0o700)
    return directory
