"""One line to the server: a client whose pool serves one request at a time.

So the socket of a request is known even before its headers come, also where an older connection is
used again: a pool shared by many requests tells which one it took only together with the headers.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from chatnb.addresses import check_peer
from chatnb.wire.patience import Read
from chatnb.wire.rejections import BODY_S, raise_if_rejected
from chatnb.wire.watchdog import Watch

Reader = Callable[[Read, int, float | None], bytes]


class Tls:
    """What verifies certificates; loading them takes 35 ms, so all lines share the first one's."""

    def __init__(self) -> None:
        self.context: ssl.SSLContext | None = None

    def verify(self, scheme: str) -> ssl.SSLContext | bool:
        """What a new client should verify with; True: with certificates that it loads itself."""
        if scheme != "https":
            # Never used, but the client insists on one.
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return self.context or True


class Line:
    """Follows one client's connection; `client` is the SDK's, made by whoever makes the line."""

    def __init__(self, base_url: str, tls: Tls) -> None:
        self.client: Any = None
        self.socket: socket.socket | None = None
        self.watch: Watch | None = None
        self.reader: Reader | None = None
        self.has_sent = False
        self._base_url = base_url
        self._host = urlsplit(base_url).hostname
        self._tls = tls

    def before_sending(self, request: Any) -> None:
        """The HTTP client's event hook: from here on its connection tells what it does.

        https://www.encode.io/httpcore/extensions/#trace
        """
        request.extensions["trace"] = self._trace

    def before_reading(self, response: Any) -> None:
        """The HTTP client's event hook: the headers have come."""
        if response.status_code >= 300 and self.watch is not None:
            self.watch.hasten(BODY_S)
        raise_if_rejected(response)

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        if event.endswith("start_tls.started") and info.get("server_hostname") == self._host:
            self._tls.context = info["ssl_context"]
        elif event.endswith("connect_tcp.complete"):
            self._check(info["return_value"])
            self._hold(info["return_value"])
        elif event.endswith("start_tls.complete"):
            self._hold(info["return_value"])
        elif event.endswith("send_request_headers.started"):
            self.has_sent = True

    def _check(self, stream: Any) -> None:
        """Close a connection to where no request may go, before anything was sent on it."""
        try:
            check_peer(self._base_url, stream.get_extra_info("server_addr")[0])
        except BaseException:
            stream.close()
            raise

    def _hold(self, stream: Any) -> None:
        """Follow a new network stream.

        https://www.encode.io/httpcore/network-backends/
        """
        connected = stream.get_extra_info("socket")
        self.socket = connected
        if self.watch is not None and connected is not None:
            self.watch.hold(connected)
        # The library hands out what it has read bit by bit, and only its stream knows when there
        # is no more: without that, each bit would have to be shown as if a wait came after it.
        stream.read = partial(self._read, stream.read)

    def _read(self, read: Read, max_bytes: int, timeout: float | None = None) -> bytes:
        if self.reader is None:
            return read(max_bytes, timeout)
        return self.reader(read, max_bytes, timeout)

    def close(self) -> None:
        self.socket = None
        if self.client is not None:
            self.client.close()
