"""Which room of chatnb stands on which floor, and what that allows it to import."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "chatnb"

# From the ground up. The houses of one floor do not import each other; within a house a room
# imports from those to its left. A name that ends in .* is a folder.
FLOORS: list[tuple[str, dict[str, str]]] = [
    ("0 words", {"words": "redaction token_usage records errors backend"}),
    (
        "1 tools",
        {
            "tools": """
                text_checks private_directories interrupts addresses prices strict_schemas schemas
                parameter_kinds structured_kinds parameters code_literals
                request_cell request_code log_lookup
                rendering.code_html rendering.markdown_math rendering.markdown_html rendering
                rendering.markdown_blocks rendering.receipt rendering.reply_view
                rendering.stream_pieces
                wire.debug_logs wire.key_filter wire.stream_decoder wire.error_bodies wire.advice
                wire.faults wire.choice_parts wire.reply_builder
                request_log.process_identity request_log.log_file request_log.log_record
                request_log.answer_keys request_log.exchange_row request_log.log_chain
                request_log.log_store request_log.log_access request_log.spool
                request_log.log_rows request_log request_log.log_exchanges
                request_log.logged_answers request_log.log_columns request_log.log_view
                request_log.log_frame request_log.anonymous_rows request_log.log_export
            """
        },
    ),
    (
        "2 engine and outside world",
        {
            "engine": """
                settings conversation hand_written token_bias prompts live_turns cost_estimates
                budgets exchanges batches
                session_state drafter sessions
            """,
            "openai": """
                wire wire.patience wire.watchdog wire.rejections wire.wire_line wire.idle_lines
                wire.retries wire.answer_reader wire.names_reader wire.setbacks wire.stack_room
                openai_backend
            """,
            "local": "local.*",
        },
    ),
    ("3 wiring", {"kernel": "connections kernel"}),
    (
        "4 doors",
        {
            "cell": """
                magics.terminal_drawer magics.cell_view magics.magic_line magics.magic_options
                magics.question_lines magics.cell_prompts magics.standing magics.tables magics
                magics.registration
            """,
            "samples": "many_requests samples extraction",
            "panel": """
                playground.gate playground.worker playground.presets playground.controls
                playground.spending playground.remedies playground.turn_view
                playground.saved_view playground.transcript playground.streaming
                playground.session_view playground.log_row playground.log_page
                playground.code_page playground.word_differences playground.lanes
                playground.compare_page playground.pages
                playground.commands playground.widget playground.panel_output playground.panels
                playground playground.panel_magic
            """,
            "lessons": """
                lessons.findings lessons.exercises lessons.statistics lessons.facts lessons.claims
                lessons.*
            """,
            "command line": "lab demo cli",
        },
    ),
    ("5 lintel", {"lintel": "__init__"}),
]


@dataclass(frozen=True)
class Place:
    """Where a room stands."""

    floor: int
    house: str
    position: int


@dataclass(frozen=True)
class Step:
    """One import: from which room to which, and whether only for types."""

    room: str
    target: str
    line: int
    for_types: bool


def place_of(room: str) -> Place | None:
    """None: the table does not know the room."""
    for floor, (_, houses) in enumerate(FLOORS):
        for house, rooms in houses.items():
            for position, name in enumerate(rooms.split()):
                if name == room or (name.endswith(".*") and is_inside(room, name[:-2])):
                    return Place(floor, house, position)
    return None


def is_inside(room: str, folder: str) -> bool:
    return room == folder or room.startswith(f"{folder}.")


def rooms() -> dict[str, Path]:
    """Every module of chatnb by its name without `chatnb.`; a folder by its own name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        is_folder = parts[-1] == "__init__" and len(parts) > 1
        found[".".join(parts[:-1] if is_folder else parts)] = path
    return found


def steps(room: str, path: Path) -> list[Step]:
    """Every import of chatnb's own rooms in a file, those inside functions too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    type_lines = {line for node in ast.walk(tree) for line in _type_lines(node)}
    return [
        Step(room, target, node.lineno, node.lineno in type_lines)
        for node in ast.walk(tree)
        for target in _targets(node)
    ]


def _type_lines(node: ast.AST) -> range:
    is_types = isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
    return range(node.lineno, (node.end_lineno or 0) + 1) if is_types else range(0)  # type: ignore[attr-defined]


def _targets(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"line {node.lineno}: a relative import hides its floor"
        names = _imported(node.module or "", [alias.name for alias in node.names])
    else:
        names = []
    return [name.removeprefix("chatnb.") for name in names if name.startswith("chatnb.")]


def _imported(module: str, names: list[str]) -> list[str]:
    """`from chatnb import kernel` means the room; `from chatnb.kernel import log` does too."""
    known = rooms()
    full = [f"{module}.{name}" for name in names]
    return [
        name if name.removeprefix("chatnb.") in known else module
        for name in full
        if name.startswith("chatnb")
    ]


def is_allowed(step: Step) -> bool:
    """Down, or to the left in one's own house; for types alone also to the right."""
    here, there = place_of(step.room), place_of(step.target)
    if here is None or there is None:
        return False
    if here.floor != there.floor:
        return there.floor < here.floor
    return here.house == there.house and (there.position <= here.position or step.for_types)
