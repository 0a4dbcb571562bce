"""Which base_url may be used, and who may see a key."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import urlsplit

from chatnb.errors import InvalidInput
from chatnb.redaction import redact

OPENAI = "https://api.openai.com/v1"

# Cloud metadata services hand out credentials to whoever asks from inside the machine: EC2 and its
# containers, GCP, Azure, Alibaba, Oracle, OpenStack, Scaleway, Tencent. In a base_url all
# link-local addresses count too; a name may lead to one: to a machine at the end of a cable.
_METADATA = (
    *("169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.42.42", "169.254.0.23"),
    *("fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42"),
    *("fe80::a9fe:a9fe", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
    *("metadata", "metadata.google.internal", "metadata.goog", "metadata.azure.internal"),
    *("instance-data", "instance-data.ec2.internal"),
)
# A resolver reads full-width digits, other dots and percent signs as something else.
_BLANK = re.compile(r"\s")
_HOST = re.compile(r"[A-Za-z0-9._:-]+")
# IPv6 addresses that lead to the IPv4 address in their last 32 bits.
_EMBEDDING = tuple(map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0/96", "64:ff9b::/96")))


def checked_base_url(url: str) -> str:
    """The base_url without a trailing slash, if requests may go there.

    >>> checked_base_url("http://127.0.0.1:8000/v1/")
    'http://127.0.0.1:8000/v1'

    Raises InvalidInput for anything but http and https, for a user name or password inside, for
    metadata services, and for plain http to a public address. What looks like a password or a key
    is not repeated: a notebook keeps its errors.
    """
    url = url.strip().rstrip("/")
    if "@" in url:
        raise _refused("there", "a user name or password does not belong into a base_url")
    scheme, host = _parts(url)
    if scheme not in ("http", "https") or not _HOST.fullmatch(host) or _BLANK.search(url):
        named = url if len(url) < 20 and url.isprintable() and redact(url) == url else "there"
        raise _refused(named, "it is local, or a base_url such as https://host/v1")
    if "?" in url or "#" in url:
        raise _refused(url.partition("?")[0], "a base_url ends before ? and #")
    if host in _METADATA or _address(host) in _METADATA or _is_link_local(host):
        raise _refused(url, "that is a metadata service, not a model")
    if scheme == "http" and not is_private(host):
        raise _refused(url, "prompts and keys would travel in clear to a public address: use https")
    return url


def check_peer(base_url: str, address: str) -> None:
    """Raise InvalidInput if the name in a base_url has led to where requests may not go.

    >>> check_peer("http://server.local/v1", "192.168.0.5")

    The address is that of a socket which is connected and has sent nothing: who asks the resolver
    first may get another answer than the connection does.
    """
    found = _address(address.partition("%")[0])
    if found in _METADATA:
        raise _refused(base_url, f"it leads to {address}, a metadata service, not a model")
    if urlsplit(base_url).scheme == "http" and _is_public(found):
        why = f"it leads to {address}, a public address, and would carry prompts and keys in clear"
        raise _refused(base_url, f"{why}: use https")


def _parts(url: str) -> tuple[str, str]:
    """Scheme and host; nothing where the URL cannot be read."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "", ""
    return ("", "") if port == 0 else (parts.scheme, (parts.hostname or "").rstrip("."))


def _refused(where: str, why: str) -> InvalidInput:
    to = where if where == "there" else f"to {where}"
    return InvalidInput(f"Requests cannot go {to}: {why}.", kind="base_url")


def _address(host: str) -> str:
    """The IP address that a host is, in its usual form: 2852039166 is 169.254.169.254."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _old_spelling(host)
    return str(_embedded_in(address) if address.version == 6 else address)


def _embedded_in(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 address leads to, where it does."""
    if not address.is_loopback and any(address in network for network in _EMBEDDING):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour or address


def _old_spelling(host: str) -> str:
    """The IPv4 address that a resolver still reads in 0xA9FEA9FE, 169.254.43518 or 0251.0376.1."""
    try:
        return str(ipaddress.ip_address(socket.inet_aton(host)))
    except (OSError, ValueError):
        return ""


def _is_link_local(host: str) -> bool:
    address = _address(host)
    return bool(address) and ipaddress.ip_address(address).is_link_local


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return bool(address) and ipaddress.ip_address(address).is_loopback


def is_private(host: str) -> bool:
    """Whether the host is this machine or stands in a private network; names count by ending."""
    if is_loopback(host):
        return True
    address = _address(host)
    if address:
        return not _is_public(address)
    return "." not in host or host.endswith((".local", ".internal", ".lan", ".home.arpa"))


def _is_public(address: str) -> bool:
    # Not `not is_private`: 100.64.0.0/10 is neither, and there Tailscale's machines are.
    return ipaddress.ip_address(address).is_global


def travels_in_clear(url: str) -> bool:
    """Whether prompts leave this machine unencrypted."""
    parts = urlsplit(url)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")


def host_of(url: str) -> str:
    """Host and port of a URL, by which keys are bound."""
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.hostname}:{port}"
