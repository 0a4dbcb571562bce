"""From what the user named to a connection that is open: which server, which model, which key."""

from __future__ import annotations

import contextlib
import os
import re
import sys

from chatnb.addresses import OPENAI, checked_base_url, host_of, travels_in_clear
from chatnb.backend import Backend, Connection
from chatnb.errors import InvalidInput
from chatnb.prices import told_price
from chatnb.prompts import Connected

# The beginnings of the keys of OpenAI, Groq, Hugging Face, xAI, Stripe, in small letters (HF_TOKEN
# is the name of a variable); or long and of mixed case.
_KEY_LIKE = re.compile(r"(?:sk|gsk|hf|xai|pk)[_-]|(?=.*[a-z])(?=.*[0-9])\w{20,}$")

OPENAI_KEY = "OPENAI_API_KEY"
OPENAI_MODEL = "gpt-6-luna"
# With reasoning on, gpt-6-luna refuses temperature and top_p, the first things one tries.
OPENAI_DEFAULTS = {"reasoning_effort": "none"}


def connection_to(
    base_url: str | None = None,
    *,
    model: str | None = None,
    key: str | None = None,
    path: str | None = None,
) -> Connection:
    """The connection to a server, to `"local"` (the embedded model), or to the default.

    Nothing is connected, fetched or started. Raises InvalidInput where the address or the key's
    name cannot be used.
    """
    _check_texts(base_url=base_url, model=model, key=key)
    if base_url is None and path is None:
        return default_connection(model=model, key=key)
    if base_url in (None, "local"):
        return _local(model, key, path)
    if path is not None:
        raise InvalidInput("A path is for the embedded model: connect('local', path=...).")
    assert base_url is not None
    return _remote(checked_base_url(base_url), model, key)


def _check_texts(**named: object) -> None:
    for name, value in named.items():
        if value is not None and not isinstance(value, str):
            kind = type(value).__name__
            raise InvalidInput(f"{name} is a text, not {kind}.", kind="usage", param=name)


def default_connection(*, model: str | None = None, key: str | None = None) -> Connection:
    """Where requests go if nobody said: OPENAI_BASE_URL, else OpenAI with a key, else local."""
    base_url = os.environ.get("OPENAI_BASE_URL", "").strip()
    remote_model = model or os.environ.get("CHATNB_MODEL") or None
    if base_url:
        return _remote(checked_base_url(base_url), remote_model, key)
    if key or os.environ.get(OPENAI_KEY, "").strip():
        return _remote(OPENAI, remote_model, key)
    return _local(model, None, None)


def _local(model: str | None, key: str | None, path: str | None) -> Connection:
    if key:
        raise InvalidInput("The embedded model needs no key: leave --key out.", kind="usage")
    from chatnb.local.connection import LocalConnection

    connection = LocalConnection(path=path)
    if model and model != connection.model:
        raise InvalidInput(
            f"The embedded model is {connection.model}, not {model}: leave -m out, or name a "
            "server that has it: %chat_connect URL -m MODEL.",
            kind="usage",
            param="model",
        )
    return connection


def _remote(base_url: str, model: str | None, key: str | None) -> Connection:
    own = host_of(base_url)
    openai_hosts = {host_of(OPENAI)}
    named = os.environ.get("OPENAI_BASE_URL", "").strip()
    with contextlib.suppress(InvalidInput):  # an unusable one is told where it is used
        openai_hosts.add(host_of(checked_base_url(named)))
    if key is None and own in openai_hosts and os.environ.get(OPENAI_KEY):
        key = OPENAI_KEY
    if key == OPENAI_KEY and own not in openai_hosts:
        raise InvalidInput(
            f"{OPENAI_KEY} belongs to {' or '.join(sorted(openai_hosts))}, so it is not sent to "
            f"{own}: put that server's key into a variable of its own and name it with --key.",
            kind="key_host",
        )
    if own != host_of(OPENAI):
        return Connection(base_url, model, key, typed_key(key))
    key = key or OPENAI_KEY
    defaults = {} if model else OPENAI_DEFAULTS
    return Connection(base_url, model or OPENAI_MODEL, key, typed_key(key), defaults=defaults)


def typed_key(name: str | None) -> str | None:
    """A key that is in no variable: from the keyring, or typed at a prompt that shows nothing.

    None where the variable is set, or where nobody can be asked (the first request says so).
    """
    if name is None or os.environ.get(name):
        return None
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", name) or _KEY_LIKE.match(name):
        raise InvalidInput(
            "--key takes the NAME of an environment variable, never the key itself: a notebook "
            "keeps whatever is typed into it.",
            kind="usage",
        )
    return _from_keyring(name) or _from_prompt(name)


def _from_keyring(name: str) -> str | None:
    try:
        import keyring  # optional: used where it is installed
    except ImportError:
        return None
    try:
        return keyring.get_password("chatnb", name) or None
    except keyring.errors.KeyringError:
        return None


def _from_prompt(name: str) -> str | None:
    import getpass

    # A kernel asks the front end; a script without a terminal has nobody to ask.
    if "ipykernel" not in sys.modules and not sys.stdin.isatty():
        return None
    try:
        return getpass.getpass(f"{name} is not set. Key (typed here, kept in memory only): ")
    except Exception:  # noqa: BLE001 - ipykernel's StdinNotImplementedError, a closed stdin, ...
        return None


def opened(connection: Connection) -> Connected:
    """The connection with the backend that answers on it; nothing is sent yet."""
    return Connected(connection, backend_for(connection), described(connection))


def backend_for(connection: Connection) -> Backend:
    """Who answers on this connection."""
    from chatnb.openai_backend import OpenAIBackend

    if not connection.embedded:
        return OpenAIBackend(connection)
    from chatnb.local.connection import LocalConnection
    from chatnb.local.corrections import LocalBackend

    assert isinstance(connection, LocalConnection)

    # The embedded server sends one usage chunk for each choice.
    return LocalBackend(connection, lambda opened: OpenAIBackend(opened, usage_chunks="sum"))


def described(connection: Connection) -> str:
    """One line that says where requests go."""
    if connection.embedded:
        return f"Requests go to {connection.model} on this machine: no key, no cost."
    model = f", model {connection.model}" if connection.model else ""
    key = f"the key in {connection.key}" if connection.key else "no key"
    clear = "; prompts travel there in clear" if travels_in_clear(connection.base_url) else ""
    line = f"Requests go to {connection.base_url}{model}, with {key}{clear}."
    price = told_price(connection.model or "", connection.base_url)
    return f"{line} {connection.model} costs {price}." if price else line
