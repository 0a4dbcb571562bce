"""The house stands: imports only go down, heavy libraries wait, rooms stay small."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.project import house

ROOMS = house.rooms()
HEAVY = ("openai", "pandas", "ipywidgets", "matplotlib")
# Where a library may be imported at all: it would otherwise spread.
OWNERS = {
    "openai": ("openai_backend", "setbacks", "wire_line"),
    "sqlite3": ("log_", "request_log"),
    "ipywidgets": ("playground",),
    "xllamacpp": ("local",),
}
THREADS = ("openai_backend", "batches", "playground")  # the watchdog, the executor, the worker
STARTS_A_THREAD = re.compile(r"\b(Thread|Timer|ThreadPoolExecutor|ProcessPoolExecutor)\(")
LONGEST_FILE, LONGEST_FUNCTION = 280, 40  # lines; most files stay below 250
VAGUE = {"utils", "util", "helpers", "core", "base", "common", "misc"}
# In parts: this file names none either.
REGISTRIES = tuple(
    ".".join(parts)
    for parts in (
        *(("pypi", "org"), ("pythonhosted", "org"), ("registry", "npmjs")),
        *(("deb", "debian"), ("security", "debian")),
    )
)
MACHINE_PATHS = re.compile(r"(?<![\w.:])/(?:work|root|home/\w+|Users/\w+)/\w")
TEXT_FILES = {"", ".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".ipynb", ".js", ".css"}


def test_every_room_stands_on_a_floor() -> None:
    homeless = [room for room in ROOMS if house.place_of(room) is None]
    assert not homeless, (
        "add them to FLOORS in tests/project/house.py, each in the lowest house where all that it "
        "imports stands below or to its left"
    )


def test_no_name_on_a_floor_is_without_its_room() -> None:
    named = {
        name for _, houses in house.FLOORS for rooms in houses.values() for name in rooms.split()
    }
    empty = {name for name in named if name.removesuffix(".*") not in ROOMS}
    assert not empty


def test_imports_only_go_down_or_to_the_left() -> None:
    wrong = [
        f"chatnb/{step.room} line {step.line} imports {step.target}"
        for room, path in ROOMS.items()
        for step in house.steps(room, path)
        if not house.is_allowed(step)
    ]
    assert not wrong


def test_a_library_stays_in_its_rooms() -> None:
    strays = [
        f"{room} imports {library}"
        for library, owners in OWNERS.items()
        for room, path in ROOMS.items()
        if library in _libraries(path) and not room.startswith(owners)
    ]
    assert not strays


def test_the_engine_knows_no_front_end() -> None:
    engine = set(house.FLOORS[2][1]["engine"].split())
    known = {room: _libraries(ROOMS[room]) for room in engine & set(ROOMS)}
    assert not [room for room in known if {"IPython", "ipywidgets", "openai"} & known[room]]


def _libraries(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_threads_are_started_in_three_rooms_only() -> None:
    starters = [
        room
        for room, path in ROOMS.items()
        if STARTS_A_THREAD.search(path.read_text(encoding="utf-8"))
    ]
    assert not [room for room in starters if not room.startswith(THREADS)]


def test_rooms_stay_small() -> None:
    lines = {room: path.read_text(encoding="utf-8").count("\n") for room, path in ROOMS.items()}
    assert not {room: count for room, count in lines.items() if count > LONGEST_FILE}


def test_functions_stay_small() -> None:
    sizes = {
        f"{room}.{function.name}": _size(function)
        for room, path in ROOMS.items()
        for function in _functions(path)
    }
    assert not {name: size for name, size in sizes.items() if size > LONGEST_FUNCTION}


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _size(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of code: a public docstring may be long."""
    docstring = function.body[0] if ast.get_docstring(function) else None
    start = docstring.end_lineno if docstring else function.lineno
    return (function.end_lineno or 0) - (start or 0)


def test_nothing_evaluates_or_unpickles_text() -> None:
    forbidden = {"eval", "exec", "compile", "__import__"}
    called = {room: forbidden & set(_called(path)) for room, path in ROOMS.items()}
    assert not {room: names for room, names in called.items() if names}
    unpickling = {"pickle", "marshal", "shelve"}
    assert not [room for room, path in ROOMS.items() if unpickling & _libraries(path)]


def _called(path: Path) -> Iterator[str]:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id


def test_names_say_what_a_room_is_for() -> None:
    assert not [room for room in ROOMS if VAGUE & set(room.split("."))]


def _fresh_process(code: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_importing_chatnb_loads_nothing_heavy() -> None:
    loaded = _fresh_process(f"import sys, chatnb; print([n for n in {HEAVY} if n in sys.modules])")
    assert loaded == "[]"


def test_loading_the_extension_loads_nothing_heavy() -> None:
    loaded = _fresh_process(
        "import sys\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "from traitlets.config import Config\n"
        "shell = InteractiveShell.instance(config=Config(HistoryManager={'enabled': False}))\n"
        "before = set(sys.modules)\n"
        "shell.run_line_magic('load_ext', 'chatnb')\n"
        "assert shell.find_cell_magic('chat')\n"
        f"print([n for n in {HEAVY} if n in set(sys.modules) - before])"
    )
    assert loaded == "[]"


def test_public_names_are_what_they_say_once_every_room_is_imported() -> None:
    modules = [f"chatnb.{room}" for room in ROOMS if room != "__init__"]
    overwritten = _fresh_process(
        "import importlib, types, chatnb\n"
        f"for name in {modules}: importlib.import_module(name)\n"
        "print([n for n in chatnb.__all__ if isinstance(getattr(chatnb, n), types.ModuleType)])"
    )
    assert overwritten == "[]"


def test_no_file_names_a_registry_or_a_path_of_a_machine() -> None:
    texts = {
        path.name: path.read_text(encoding="utf-8", errors="replace") for path in _project_files()
    }
    assert not [name for name, text in texts.items() if any(host in text for host in REGISTRIES)]
    assert not [name for name, text in texts.items() if MACHINE_PATHS.search(text)]


def _project_files() -> list[Path]:
    """What git would commit; everything, where there is no git (an unpacked archive)."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=house.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    names = listed.stdout.splitlines() if listed.returncode == 0 else _visible_files()
    paths = [house.ROOT / name for name in names]
    return [path for path in paths if path.is_file() and path.suffix in TEXT_FILES]


def _visible_files() -> list[str]:
    paths = [path.relative_to(house.ROOT) for path in house.ROOT.rglob("*")]
    return [str(path) for path in paths if not any(part.startswith(".") for part in path.parts)]
