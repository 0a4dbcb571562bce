"""Which base_url may be used, and who may see a key."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from chatnb.errors import InvalidInput

OPENAI = "https://api.openai.com/v1"

# Cloud metadata services hand out credentials to whoever asks from inside the machine.
_METADATA = ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "metadata.google.internal")


def checked_base_url(url: str) -> str:
    """The base_url without a trailing slash, if requests may go there.

    >>> checked_base_url("http://127.0.0.1:8000/v1/")
    'http://127.0.0.1:8000/v1'

    Raises InvalidInput for anything but http and https, for a user name or password inside, for
    metadata services, and for plain http to a public address.
    """
    parts = urlsplit(url.strip())
    host = parts.hostname or ""
    try:
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        port_is_fine = False
    if parts.scheme not in ("http", "https") or not host or not port_is_fine:
        raise _refused(url, "a base_url looks like https://host/v1")
    if "@" in parts.netloc:
        raise _refused("it", "a user name or password does not belong into a base_url")
    if parts.query or parts.fragment:
        raise _refused(url.split("?", maxsplit=1)[0], "a base_url ends before ? and #")
    if host in _METADATA:
        raise _refused(url, "that is a metadata service, not a model")
    if parts.scheme == "http" and not is_private(host):
        raise _refused(url, "prompts and keys would travel in clear to a public address: use https")
    return url.strip().rstrip("/")


def _refused(url: str, why: str) -> InvalidInput:
    return InvalidInput(f"Requests cannot go to {url}: {why}.", kind="base_url")


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_private(host: str) -> bool:
    """Whether the host is this machine or stands in a private network; names count by ending."""
    if is_loopback(host):
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".lan", ".home.arpa"))


def travels_in_clear(url: str) -> bool:
    """Whether prompts leave this machine unencrypted."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def host_of(url: str) -> str:
    """Host and port of a URL, by which keys are bound."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.hostname}:{port}"
