"""Addresses: any text is a base_url that may be used, or one line."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

import pytest
from hypothesis import strategies as st

from chatnb.addresses import checked_base_url
from chatnb.errors import InvalidInput
from tests.fuzz.properties import holds_for

URLS = st.lists(
    st.one_of(
        st.sampled_from(
            ["http", "https", "file", "://", ":", "/", "@", "[", "]", "127.0.0.1", ".", "%", "#",
             "localhost", "?", "8000", "::1", "v1", "\\", "169.254", " ", "０"]
        ),
        st.text(max_size=4),
    ),
    max_size=10,
).map("".join)  # fmt: skip


@holds_for(url=URLS)
def test_any_text_is_a_base_url_or_refused_in_one_line(url: str) -> None:
    try:
        kept = checked_base_url(url)
    except InvalidInput as error:
        kept, line = "", str(error)
    if not kept:
        assert len(line.splitlines()) == 1
        return
    assert urlsplit(kept).scheme in ("http", "https")
    assert kept == url.strip().rstrip("/")
    assert not set("@?# \n\t") & set(kept)


def number(value: int, base: int) -> str:
    return {8: f"0{value:o}", 10: f"{value}", 16: f"0x{value:x}"}[base]


@holds_for(
    bases=st.lists(st.sampled_from([8, 10, 16]), min_size=4, max_size=4),
    parts=st.integers(1, 4),
    low=st.integers(0, 0xFFFF),
    upper=st.booleans(),
)
def test_no_spelling_hides_a_link_local_address(
    bases: list[int], parts: int, low: int, upper: bool
) -> None:
    address = (169 << 24) | (254 << 16) | low
    heads = [(address >> (24 - 8 * place)) & 0xFF for place in range(parts - 1)]
    last = address & ((1 << (8 * (5 - parts))) - 1)
    pairs = zip([*heads, last], bases, strict=False)
    spelled = ".".join(number(each, base) for each, base in pairs)
    assert socket.inet_aton(spelled) == ipaddress.IPv4Address(address).packed
    for host in (spelled.upper() if upper else spelled, f"{spelled}."):
        with pytest.raises(InvalidInput, match="metadata"):
            checked_base_url(f"https://{host}/v1")
