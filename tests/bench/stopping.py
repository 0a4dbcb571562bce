"""From the kernel's interrupt, and from the panel's stop, to the server seeing the client leave."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median

from tests.bench.kernels import TimedKernel, connected_kernel
from tests.bench.server_process import ServerProcess
from tests.bench.table import Figure
from tests.loopback import PATIENCE_S, LoopbackServer

_ROUNDS = 12
_REACH_MS = 200
# What is asked, and what the session shows when it is to be stopped.
_PHASES = {
    "before headers": ("stall-before-headers", "session._flight"),
    "in a stream": ("slow", "session.state.live and session.state.live.texts[0]"),
    "stalled": ("stall-in-body", "session.state.live and session.state.live.texts[0]"),
    "in a retry's wait": ("wait-a-minute", "session.state.live and session.state.live.attempt"),
}
_START = """
import signal, threading, time, chatnb
session, panel = chatnb.session(), chatnb.panel()

def once(come, end):
    while not come():
        time.sleep(0.001)
    time.sleep(0.05)  # so that whoever waits does wait
    at.append(time.monotonic())
    end()
"""
_INTERRUPT = "lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)"

Stopped = Callable[[TimedKernel, str, str], float]


def stopping(server: ServerProcess) -> Iterator[Figure]:
    """Every phase of a request, in cells and in the panel."""
    with LoopbackServer() as loopback, connected_kernel(loopback.base_url) as kernel:
        kernel.timed(_START)
        for name, stopped in (("the interrupt", _interrupted), ("the panel's stop", _stopped)):
            times = {phase: _times(kernel, loopback, phase, stopped) for phase in _PHASES}
            each = [f"{phase} {median(taken):.2g}" for phase, taken in times.items()]
            every = sorted(milliseconds for taken in times.values() for milliseconds in taken)
            beside = f"medians in ms: {', '.join(each)}"
            yield Figure(f"from {name} to its end, median", median(every), _REACH_MS, " ms", beside)
            beside = f"of {len(every)}"
            yield Figure(f"from {name} to its end, longest", every[-1], _REACH_MS, " ms", beside)


def _times(
    kernel: TimedKernel, loopback: LoopbackServer, phase: str, stopped: Stopped
) -> list[float]:
    """Milliseconds until the server sees the client leave; in a wait, until the request has ended.

    All processes of a machine share time.monotonic().
    """
    model, come = _PHASES[phase]
    times = []
    for _ in range(_ROUNDS):
        ended = stopped(kernel, model, come)
        if phase != "in a retry's wait":
            request = loopback.requests[-1]
            assert request.left.wait(PATIENCE_S)
            assert request.left_at is not None
            ended = request.left_at
        times.append((ended - kernel.value("at[-1]")) * 1e3)
    return times


def _interrupted(kernel: TimedKernel, model: str, come: str) -> float:
    """A cell that a signal of its own process interrupts, as a kernel's does; when it had ended."""
    kernel.timed(
        "at = []\n"
        f"threading.Thread(target=once, args=(lambda: {come}, {_INTERRUPT})).start()\n"
        f"try:\n    get_ipython().run_cell_magic('chat', '-m {model}', 'Hello')\n"
        "except KeyboardInterrupt:\n    pass\n"
        "ended = time.monotonic()"
    )
    return float(kernel.value("ended"))


def _stopped(kernel: TimedKernel, model: str, come: str) -> float:
    """A send of the panel that is stopped; when it had ended."""
    kernel.timed(
        f"at = []\npanel.send('Hello', model={model!r})\n"
        f"once(lambda: {come}, panel.stop)\n"
        "while session.busy:\n    time.sleep(0.0002)\n"
        "ended = time.monotonic()"
    )
    return float(kernel.value("ended"))
