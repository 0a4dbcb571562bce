"""Who answers, who gets the key, and what is never repeated."""

from __future__ import annotations

import re

import pytest

from chatnb.addresses import check_peer, checked_base_url
from chatnb.connections import connection_to, described
from chatnb.errors import InvalidInput

KEY = "sk-abcdefghijklmnopqrstuvwxyz123456"


@pytest.mark.parametrize(
    "url",
    [
        "https://host.example/v1", "http://127.0.0.1:8000/v1", "http://localhost/v1",
        "http://[::1]:8000/v1", "http://192.168.0.5/v1", "http://server.local/v1",
        "http://127.1/v1", "http://[fc00::5]/v1", "http://a_container:8000/v1",
        "http://100.64.0.5:8000/v1",
    ],
)  # fmt: skip
def test_a_usable_address_is_kept(url):
    assert checked_base_url(url + "/") == url


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://host/v1", "a base_url such as"), ("host/v1", "a base_url such as"),
        ("http://[::1/v1", "a base_url such as"), ("http://host:99999/v1", "a base_url such as"),
        ("locl", "it is local, or"), ("file:///etc/passwd", "a base_url such as"),
        ("http://me:secretpw@host/v1", "user name or password"),
        ("ftp://me:secretpw@host:99999/v1", "user name or password"),
        ("http://169.254.169.254/v1", "metadata"), ("http://2852039166/v1", "metadata"),
        ("http://0xA9FEA9FE/v1", "metadata"), ("https://169.254.43518/v1", "metadata"),
        ("https://0xA9.0xFE.0xA9.0xFE/v1", "metadata"), ("http://0251.0376.43518/v1", "metadata"),
        ("https://metadata.google.internal./v1", "metadata"), ("http://0x08080808/v1", "in clear"),
        ("http://[::ffff:169.254.169.254]/v1", "metadata"), ("http://169.254.170.2/v1", "metadata"),
        ("https://[::ffff:a9fe:a9fe]/v1", "metadata"), ("https://[::a9fe:a9fe]/v1", "metadata"),
        ("https://[64:ff9b::a9fe:a9fe]/", "metadata"), ("https://[2002:a9fe:a9fe::]", "metadata"),
        ("https://[FD00:EC2:0:0::254]/v1", "metadata"), ("https://2852039166./v1", "metadata"),
        ("https://025177524776/v1", "metadata"), ("https://0Xa9fea9fe/v1", "metadata"),
        ("http://[fe80::1]/v1", "metadata"), ("http://metadata/v1", "metadata"),
        ("http://instance-data/latest", "metadata"), ("https://METADATA.GOOG/v1", "metadata"),
        ("https://100.100.100.200/v1", "metadata"), ("https://168.63.129.16/v1", "metadata"),
        ("https://１６９.２５４.１６９.２５４/v1", "a base_url such as"),
        ("https://169。254。169。254/v1", "a base_url such as"),
        ("https://169.254.169.25%34/v1", "a base_url such as"),
        ("https://[fd00:ec2::254%25eth0]/v1", "a base_url such as"),
        ("https://exa mple.com/v1", "a base_url such as"),
        ("https://host/v1\tx", "a base_url such as"), ("javascript://x/v1", "a base_url such as"),
        ("http://127.0.0.1@host.example/v1", "user name or password"),
        ("http://192.168.1.1.host.example/v1", "in clear"),
        ("http://localhost.host.example/v1", "in clear"),
        ("http://8.8.8.8/v1", "in clear"), ("http://host.example/v1", "in clear"),
        ("https://host/v1?key=x", "before ? and #"), (KEY, "a base_url such as"),
    ],
)  # fmt: skip
def test_an_unusable_address_is_one_line_that_repeats_no_secret(url, said):
    with pytest.raises(InvalidInput) as caught:
        checked_base_url(url)
    assert said in caught.value.line
    assert "secretpw" not in caught.value.line
    assert KEY not in caught.value.line


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1",
        "169.254.170.23", "fd00:ec2::254", "fd20:ce::254", "fe80::a9fe:a9fe%eth0",
        "100.100.100.200",
    ],
)  # fmt: skip
@pytest.mark.parametrize("url", ["http://gpu.local/v1", "https://gpu.example/v1"])
def test_a_name_leads_to_no_metadata_service(url, address):
    with pytest.raises(InvalidInput, match="metadata service") as caught:
        check_peer(checked_base_url(url), address)
    assert caught.value.line.startswith(f"Requests cannot go to {url}: it leads to {address}, ")


@pytest.mark.parametrize("address", ["8.8.8.8", "2600::8", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_a_private_name_leads_to_no_public_address_in_clear(address):
    with pytest.raises(InvalidInput, match=r"a public address, and would .*: use https"):
        check_peer(checked_base_url("HTTP://gpu.lan:8000/v1"), address)
    check_peer(checked_base_url("https://gpu.lan:8000/v1"), address)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "::1", "10.0.0.5", "fc00::5", "100.64.0.5", "169.254.3.4", "fe80::5%eth0"],
)
def test_a_private_name_leads_to_a_private_address(address):
    check_peer(checked_base_url("http://gpu.local:8000/v1"), address)


def test_without_anything_the_embedded_model_answers(monkeypatch):
    monkeypatch.setenv("CHATNB_MODEL", "of-another-server")
    assert connection_to().embedded
    assert "this machine" in described(connection_to())


def test_with_a_key_openai_answers_and_says_its_default(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    connection = connection_to()
    assert connection.host == "api.openai.com"
    assert connection.model == "gpt-6-luna"
    assert connection.defaults == {"reasoning_effort": "none"}
    assert connection_to(model="other").defaults == {}
    assert KEY not in described(connection)
    assert KEY not in repr(connection)


def test_a_connection_says_what_its_model_costs_where_that_is_known(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    told = described(connection_to())
    price = r"gpt-6-luna costs \$0\.10 prompt, \$0\.01 cached, \$0\.50 answer per 1M tokens"
    assert re.search(price + r" \(genai-prices, checked \d{4}-\d\d-\d\d\)\.$", told)
    assert "costs" not in described(connection_to(model="gpt-6-nobody"))
    assert "costs" not in described(connection_to("http://127.0.0.1:1/v1", model="gpt-6-luna"))


def test_with_a_base_url_that_server_answers_with_its_key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8000/v1")
    connection = connection_to()
    assert (connection.host, connection.key) == ("127.0.0.1:8000", "OPENAI_API_KEY")
    assert connection_to("http://127.0.0.1:9/v1").key is None


def test_openais_key_goes_to_no_other_host(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert connection_to("https://host.example/v1").key is None
    with pytest.raises(InvalidInput, match=r"belongs to api\.openai\.com"):
        connection_to("https://host.example/v1", key="OPENAI_API_KEY")


def test_an_unusable_address_in_the_environment_blocks_no_other(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "nonsense")
    assert connection_to("http://127.0.0.1:9/v1").host == "127.0.0.1:9"
    with pytest.raises(InvalidInput):
        connection_to()


@pytest.mark.parametrize(
    "key", [KEY, "gsk_abcdefghijklmnopqrstuvwx123456", "hf_abcdef", "abcdef0123456789abcdef"]
)
def test_a_key_in_the_place_of_its_name_is_refused_and_not_repeated(key):
    with pytest.raises(InvalidInput, match="takes the NAME") as caught:
        connection_to("https://host.example/v1", key=key)
    assert key not in caught.value.line


@pytest.mark.parametrize("name", ["HF_TOKEN", "XAI_API_KEY", "GSK_KEY", "SK_1", "PK_LIVE"])
def test_the_name_of_a_variable_is_no_key(name):
    assert connection_to("https://host.example/v1", key=name).key == name


@pytest.mark.parametrize("wrong", [{"base_url": 5}, {"model": 5}, {"key": 5}])
def test_a_wrong_type_is_one_line(wrong):
    (name,) = wrong
    with pytest.raises(InvalidInput, match=f"{name} is a text, not int"):
        connection_to(**wrong)


def test_the_embedded_model_takes_no_key_and_no_other_name():
    with pytest.raises(InvalidInput, match="needs no key"):
        connection_to("local", key="SOME_KEY")
    with pytest.raises(InvalidInput, match="not gpt-6-luna"):
        connection_to("local", model="gpt-6-luna")
