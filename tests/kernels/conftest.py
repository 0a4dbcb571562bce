"""A real kernel with the magics loaded, connected to a real loopback server."""

from __future__ import annotations

import pytest

from tests.fault_table import CANARY, KEY_VARIABLE
from tests.kernels.fault_kernel import FaultKernel
from tests.real_kernel import RealKernel


@pytest.fixture
def chat_kernel(log_path, kernel, server):
    kernel.run(f"%load_ext chatnb\n%chat_connect {server.base_url} -m echo")
    return kernel


@pytest.fixture(scope="session")
def fault_kernel(tmp_path_factory):
    """One kernel for all faults: to start one takes longer than to meet a hundred."""
    directory = tmp_path_factory.mktemp("faults")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHATNB_LOG", str(directory / "log.sqlite"))
        patch.setenv(KEY_VARIABLE, CANARY)
        kernel = RealKernel(directory)
    yield FaultKernel(kernel)
    kernel.close()
