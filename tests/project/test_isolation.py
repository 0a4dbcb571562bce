"""The tests themselves: apart from the user's files, and never on another machine."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest

from tests import isolation, network_guard
from tests.real_kernel import RealKernel

SOMEBODY = ("192.0.2.1", 9)  # an address kept for documentation: nobody has it


def test_a_connection_that_leaves_loopback_fails() -> None:
    with pytest.raises(network_guard.LeftLoopback):
        socket.create_connection(SOMEBODY, timeout=1)
    with pytest.raises(network_guard.LeftLoopback):
        socket.getaddrinfo("example.com", 443)
    assert len(network_guard.refused()) == 2
    network_guard.forget()


def test_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()[:2], timeout=5).close()


@pytest.mark.kernel
def test_a_kernel_of_a_test_cannot_leave_loopback_either(kernel: RealKernel) -> None:
    ran = kernel.run(f"import socket; socket.create_connection({SOMEBODY}, timeout=1)")
    assert ran.error is not None
    assert ran.error["ename"] == "LeftLoopback"
    network_guard.forget()


@pytest.mark.kernel
def test_what_a_kernel_swallows_is_noticed_all_the_same(kernel: RealKernel) -> None:
    ran = kernel.run(
        "import contextlib, socket\n"
        f"with contextlib.suppress(Exception): socket.create_connection({SOMEBODY}, timeout=1)"
    )
    assert ran.status == "ok"
    assert network_guard.refused() == [f"socket.getaddrinfo {SOMEBODY[:1]!r}"]
    network_guard.forget()


def test_nothing_of_the_user_is_seen() -> None:
    assert not [name for name in os.environ if name.startswith(("OPENAI_", "JPY_"))]


def test_what_names_the_users_notebook_is_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "mine.ipynb")
    for name in isolation.DIRECTORIES:
        monkeypatch.setenv(name, os.environ[name])  # put back at the end
    for name in [name for name in os.environ if name.startswith("CHATNB_")]:
        monkeypatch.setenv(name, os.environ[name])
    shutil.rmtree(isolation.own_directories("chatnb-tests-"))
    assert "JPY_SESSION_NAME" not in os.environ


def test_the_users_directories_are_not_used() -> None:
    from platformdirs import user_runtime_path, user_state_path

    home_of_this_run = Path(os.environ["IPYTHONDIR"]).parent
    assert user_state_path("chatnb").is_relative_to(home_of_this_run)
    assert user_runtime_path("chatnb").is_relative_to(home_of_this_run)
    assert Path(os.environ["CHATNB_LOG"]).is_relative_to(home_of_this_run)


@pytest.mark.kernel
def test_the_kernel_helper_keeps_what_a_saved_notebook_keeps(kernel: RealKernel) -> None:
    ran = kernel.run(
        "from IPython.display import display, clear_output\n"
        "print('gone'); display('gone too'); clear_output(wait=True)\n"
        "handle = display('first', display_id=True); handle.update('second'); print('stays')",
        cell_id="abc",
    )
    assert (ran.text, ran.stdout, ran.status) == ("'second'", "stays\n", "ok")
    seen = kernel.run("print(get_ipython().get_parent()['metadata']['cellId'])", cell_id="abc")
    assert seen.stdout == "abc\n"


@pytest.mark.kernel
def test_the_kernel_helper_interrupts_and_reports_the_error(kernel: RealKernel) -> None:
    cell = kernel.start("import threading; print('here', flush=True); threading.Event().wait(60)")
    while kernel.next_message(cell)["msg_type"] != "stream":
        pass
    kernel.interrupt()
    ran = kernel.wait(cell)
    assert ran.status == "error"
    assert ran.error is not None
    assert ran.error["ename"] == "KeyboardInterrupt"
