import pytest

pytest.register_assert_rewrite("tests.kernels.fault_kernel")
